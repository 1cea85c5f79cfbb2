import type { WireAuthConfig } from "../../wire/registry.ts";
import type { CliContext } from "../command.ts";

/** What a helper says, on its standard output, of a server that it does not know. @see docker/docker-credential-helpers */
const NOT_FOUND = "credentials not found in native keychain";
/** In place of a user's name, where the secret is an identity token. */
const TOKEN_USER = "<token>";
const PROGRAM_PREFIX = "docker-credential-";

type Runner = Pick<CliContext, "runProgram">;

/** Docker's helpers: a program `docker-credential-<name>` that keeps accounts elsewhere. Texts of errors name the program. */
export interface CredentialHelper {
  /** undefined where the helper knows none. */
  get(key: string): Promise<WireAuthConfig | undefined>;
  store(account: WireAuthConfig): Promise<void>;
  erase(key: string): Promise<void>;
  /** The servers that it has an account for. */
  list(): Promise<string[]>;
}

export function credentialHelper(runner: Runner, name: string): CredentialHelper {
  const program = PROGRAM_PREFIX + name;
  const call = async (verb: string, input: string): Promise<{ out: string; failed: boolean }> => {
    // A name from a file must not lead to a program outside of PATH.
    if (!/^[\w.-]+$/.test(name)) throw new Error(`invalid name of a credential helper: ${JSON.stringify(name)}`);
    const { code, out } = await runner.runProgram([program, verb], input);
    return { out: out.trim(), failed: code !== 0 };
  };
  const failure = (verb: string, out: string) =>
    new Error(`${program} ${verb}: ${out === "" ? "it failed without a word" : out}`);
  return {
    async get(key) {
      const { out, failed } = await call("get", key);
      if (failed && out.includes(NOT_FOUND)) return undefined;
      if (failed) throw failure("get", out);
      const { Username, Secret } = parse(program, out) as { Username?: string; Secret?: string };
      if (typeof Username !== "string" || typeof Secret !== "string") throw failure("get", "unexpected answer");
      return Username === TOKEN_USER
        ? { serveraddress: key, identitytoken: Secret }
        : { username: Username, password: Secret, serveraddress: key };
    },
    async store({ serveraddress, username = "", password = "", identitytoken = "" }) {
      const secret =
        identitytoken === ""
          ? { Username: username, Secret: password }
          : { Username: TOKEN_USER, Secret: identitytoken };
      const { out, failed } = await call("store", JSON.stringify({ ServerURL: serveraddress, ...secret }));
      if (failed) throw failure("store", out);
    },
    async erase(key) {
      const { out, failed } = await call("erase", key);
      if (failed && !out.includes(NOT_FOUND)) throw failure("erase", out);
    },
    async list() {
      const { out, failed } = await call("list", "");
      if (failed) throw failure("list", out);
      return Object.keys(parse(program, out) as Record<string, string>);
    },
  };
}

function parse(program: string, text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    // Never the text itself: it may hold a secret.
    throw new Error(`${program}: its answer is not JSON`, { cause: error });
  }
}
