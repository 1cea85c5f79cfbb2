import { expect, test } from "bun:test";
import type { ProgramResult } from "../command.ts";
import type { ConfigFile } from "../config-file.ts";
import { openCredentials } from "./credentials.ts";

/** Helpers by name, each with its accounts. */
function contextWith(config: ConfigFile, helpers: Record<string, Record<string, string>>) {
  const runProgram = async ([program = "", verb = ""]: string[], input: string): Promise<ProgramResult> => {
    const accounts = helpers[program.replace("docker-credential-", "")];
    if (accounts === undefined) throw new Error(`${program}: executable file not found in $PATH`);
    if (verb === "list") return { code: 0, out: JSON.stringify(accounts) };
    const user = accounts[input];
    if (user === undefined) return { code: 1, out: "credentials not found in native keychain\n" };
    return { code: 0, out: JSON.stringify({ ServerURL: input, Username: user, Secret: "s" }) };
  };
  const io = { out: async () => undefined, err: async () => undefined, stdin: () => new ReadableStream<Uint8Array>() };
  return { config: async () => config, configDir: "/nonexistent", environment: {}, runProgram, io };
}

test("all accounts are those of the file, of the store and of each registry's helper; one that fails is left out", async () => {
  const config: ConfigFile = {
    credsStore: "main",
    credHelpers: { "a.io": "own", "b.io": "missing" },
    auths: { "m.io": {}, "unknown.io": {} },
  };
  const context = contextWith(config, { main: { "m.io": "m", "n.io": "n" }, own: { "a.io": "a" } });
  const all = await (await openCredentials(context)).all();
  expect(Object.fromEntries(Object.entries(all).map(([key, { username }]) => [key, username]))).toEqual({
    "m.io": "m",
    "n.io": "n",
    "a.io": "a",
  });
});

test("what the file has is not used where a helper is set: it may be older", async () => {
  const auths = { "m.io": { auth: btoa("old:pw") } };
  expect(
    await (await openCredentials(contextWith({ credsStore: "main", auths }, { main: {} }))).get("m.io"),
  ).toBeUndefined();
  expect(await (await openCredentials(contextWith({ auths }, {}))).get("m.io")).toMatchObject({ username: "old" });
});
