import { type CliContext, ExitError } from "../command.ts";
import { createLineReader } from "../line-reader.ts";
import { HUB_KEY } from "./registry-key.ts";

/** Name and password as flags give them; "" is to be asked for. */
export interface Answers {
  username: string;
  password: string;
}

/** Asks for what is missing, the password without an echo. Throws in Docker's words without a terminal, or without an answer. */
export async function askForAccount(
  context: CliContext,
  key: string,
  given: Answers & { suggestedUser: string },
): Promise<Answers> {
  if (given.username !== "" && given.password !== "") return { username: given.username, password: given.password };
  const terminal = await context.terminal();
  if (!terminal.inputIsTerminal) {
    throw new ExitError(1, "Error: Cannot perform an interactive login from a non TTY device");
  }
  const { io } = context;
  const lines = createLineReader(io.stdin());
  const ask = async (question: string) => {
    await io.out(question);
    return ((await lines.next()) ?? "").trim();
  };
  let username = given.username.trim();
  if (username === "") {
    if (key === HUB_KEY) await io.out(HUB_WORDS);
    const suggested = given.suggestedUser;
    username = (await ask(suggested === "" ? "Username: " : `Username (${suggested}): `)) || suggested;
    if (username === "") throw new ExitError(1, "Error: Non-null Username Required");
  }
  if (given.password !== "") return { username, password: given.password };
  if (key === HUB_KEY) await io.err(TOKEN_WORDS);
  const show = terminal.hideInput();
  const forget = context.onInterrupt(async () => show());
  let password: string;
  try {
    password = await ask("Password: ");
    await io.out("\n");
  } finally {
    show();
    forget();
  }
  if (password === "") throw new ExitError(1, "Error: Password Required");
  return { username, password };
}

const HUB_WORDS =
  "Log in with your Docker ID or email address to push and pull images from Docker Hub. If you don't have a Docker ID, head over to https://hub.docker.com/ to create one.\n" +
  "You can log in with your password or a Personal Access Token (PAT). Using a limited-scope PAT grants better security and is required for organizations using SSO. Learn more at https://docs.docker.com/go/access-tokens/\n\n";
const TOKEN_WORDS =
  "\n Info -> A Personal Access Token (PAT) can be used instead.\n         To create a PAT, visit https://app.docker.com/settings\n\n";
