import { messageOf } from "../../base/errors.ts";
import { ClientError } from "../../client/errors.ts";
import type { WireAuthConfig, WireAuthResponse } from "../../wire/registry.ts";
import { type CliContext, type Command, ExitError } from "../command.ts";
import { describeFailure } from "../failure.ts";
import type { Parsed } from "../flags/flag-set.ts";
import { BOOL, STRING } from "../flags/flag-types.ts";
import { type Answers, askForAccount } from "./ask-for-account.ts";
import { type Credentials, ENVIRONMENT_VARIABLE } from "./credentials.ts";
import { keyOfServer } from "./registry-key.ts";

export const command: Command = {
  usage: "[OPTIONS] [SERVER]",
  short: "Authenticate to a registry.\nDefaults to Docker Hub if no server is specified.",
  aliases: ["login"],
  flags: [
    { name: "password", short: "p", type: STRING, usage: "Password or Personal Access Token (PAT)" },
    { name: "password-stdin", type: BOOL, usage: "Take the Password or Personal Access Token (PAT) from stdin" },
    { name: "username", short: "u", type: STRING, usage: "Username" },
  ],
  arity: { min: 0, max: 1 },
  examples: [
    ["login registry.example.com", "Asks for name and password, and keeps them for pull and push"],
    ["login -u me --password-stdin registry.example.com < token.txt", "In a script, without a terminal"],
  ],
  async run(context, flags) {
    const given = await givenAnswers(context, flags);
    if ((context.environment[ENVIRONMENT_VARIABLE] ?? "") !== "") {
      await context.io.err(
        `WARNING: ${ENVIRONMENT_VARIABLE} is set and takes precedence.\nUnset ${ENVIRONMENT_VARIABLE} to restore the CLI auth behaviour.\n`,
      );
    }
    const key = keyOfServer(flags.arguments[0] ?? "");
    const credentials = await context.credentials();
    const stored = given.username === "" && given.password === "" ? await credentials.get(key) : undefined;
    if (stored !== undefined && (await loginAgain(context, credentials, stored))) return 0;
    const account = await askForAccount(context, key, { ...given, suggestedUser: stored?.username ?? "" });
    const words = await logIn(context, credentials, { ...account, serveraddress: key }).catch(withoutAdvice);
    await context.io.out(`${words}\n`);
    return 0;
  },
};

/** What the flags say, checked in Docker's words. "" where nothing was said. */
async function givenAnswers({ io }: CliContext, flags: Parsed): Promise<Answers> {
  const fromStdin = flags.bool("password-stdin");
  if (flags.changed("password")) {
    await io.err("WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n");
    if (fromStdin) throw new ExitError(1, "conflicting options: cannot specify both --password and --password-stdin");
  }
  const username = flags.string("username");
  if (flags.changed("username") && username.trim() === "") throw new ExitError(1, "username is empty");
  if (flags.changed("password") && flags.string("password") === "") throw new ExitError(1, "password is empty");
  if (!fromStdin) return { username, password: flags.string("password") };
  if (username === "") throw new ExitError(1, "the --password-stdin option requires --username to be set");
  const chunks: Uint8Array[] = [];
  for await (const chunk of io.stdin()) chunks.push(chunk);
  const password = Buffer.concat(chunks).toString().replace(/\n$/, "").replace(/\r$/, "");
  if (password === "") throw new ExitError(1, "password is empty");
  return { username, password };
}

/** Where the registry does not take the account, "you may log in" would be no help. */
function withoutAdvice(error: unknown): never {
  if (!(error instanceof ClientError) || error.status !== 401) throw error;
  throw new ExitError(1, describeFailure(error).message);
}

/** With the account of the last time. False: it is not good any more, and the user is asked. */
async function loginAgain(context: CliContext, credentials: Credentials, stored: WireAuthConfig): Promise<boolean> {
  const { io, program } = context;
  const user = stored.username === undefined ? "" : ` [Username: ${stored.username}]`;
  await io.err(
    `Authenticating with existing credentials...${user}\n\n` +
      ` Info -> To login with a different account, run '${program} logout' followed by '${program} login'\n\n\n`,
  );
  try {
    await io.out(`${await logIn(context, credentials, stored)}\n`);
    return true;
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    const expired = error.status === 401;
    await io.err(
      expired ? "Stored credentials invalid or expired\n" : `Login did not succeed, error: ${error.message}\n`,
    );
    return false;
  }
}

/** Has the registry look at the account, keeps it, and returns the daemon's words. A token takes the place of the password. */
async function logIn(context: CliContext, credentials: Credentials, account: WireAuthConfig): Promise<string> {
  const transport = await context.connect();
  const answer = await transport.call("POST", "/auth", { json: account });
  const { Status, IdentityToken } = await answer.json<WireAuthResponse>();
  const { password: _, ...withoutPassword } = account;
  const kept = IdentityToken ? { ...withoutPassword, identitytoken: IdentityToken } : account;
  let exposed: boolean;
  try {
    exposed = await credentials.store(kept);
  } catch (error) {
    throw new ExitError(1, `Error saving credentials: ${messageOf(error)}`, { cause: error });
  }
  if (exposed) {
    await context.io.err(
      `\nWARNING! Your credentials are stored unencrypted in '${context.configDir}/config.json'.\n` +
        "Configure a credential helper to remove this warning. See\nhttps://docs.docker.com/go/credential-store/\n\n",
    );
  }
  return Status;
}
