import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import type { BuildSession } from "../../src/builder/session.ts";
import { cached, program } from "../fixtures/build-cache.ts";

const refuse = () => Promise.reject(new Error("this client has none"));

/** A client with secrets by name, and perhaps an ssh agent behind a socket. */
export function clientWith(given: { secrets?: Record<string, string | Uint8Array>; agent?: string }): BuildSession {
  const { secrets = {}, agent } = given;
  return {
    id: "session",
    closed: new AbortController().signal,
    hasDirectories: false,
    receive: refuse,
    async secret(id) {
      const value = secrets[id];
      return value === undefined ? undefined : Buffer.from(value as string);
    },
    hasAgent: async (id) => id === "default" && agent !== undefined,
    openAgent: async () => connect(agent ?? ""),
    credentials: async () => undefined,
    sendArchive: refuse,
    sendDirectory: refuse,
  };
}

/** The path of a static program `talk <socket> <text>`: sends the text, prints the first answer. */
export function talkProgram(): Promise<string> {
  const source = join(import.meta.dir, "talk.c");
  const version = Bun.hash(readFileSync(source)).toString(16);
  return cached(`talk-${version}`, async (path) => {
    await program(["gcc", "-static", "-O1", "-Wall", "-Werror", "-o", path, source]);
  });
}
