import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { DirectoryRequest } from "../../src/builder/session.ts";
import { gantry } from "../cli/gantry.ts";
import { createFakeBuilder, type FakeBuild, type FakeBuilderOptions } from "./fake-builder.ts";
import { serveBuilder } from "./serve-builder.ts";

/** A daemon with a fake builder, and a directory `context` with a Dockerfile. */
export async function served(options: FakeBuilderOptions = {}, limits: { silenceMs?: number } = {}) {
  const builder = createFakeBuilder(options);
  const daemon = await serveBuilder(builder, limits);
  const context = `${daemon.directory}/context`;
  const files = (all: Record<string, string | Uint8Array>) => {
    for (const [path, content] of Object.entries(all)) {
      mkdirSync(dirname(`${context}/${path}`), { recursive: true });
      writeFileSync(`${context}/${path}`, content);
    }
  };
  files({ Dockerfile: "FROM scratch\n" });
  const run = (args: string[], more: Parameters<typeof gantry>[2] = {}) => gantry(daemon.host, args, more);
  return { builder, daemon, context, files, run, [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose]() };
}

/** Brings all files of one of the client's directories. */
export async function bring(
  { session, signal }: FakeBuild,
  request: Partial<DirectoryRequest> = {},
): Promise<Map<string, string>> {
  const names: string[] = [];
  const contents = new Map<string, string>();
  await session.receive(
    { name: "context", include: [], exclude: [], followPaths: [], ...request },
    {
      entry({ path, type, linkName }, index) {
        names[index] = path;
        contents.set(path, type === "file" ? "" : type === "symlink" ? `-> ${linkName}` : "/");
        return type === "file" && linkName === "";
      },
      data: async (index, bytes) => {
        const path = names[index] ?? "";
        contents.set(path, (contents.get(path) ?? "") + Buffer.from(bytes).toString("latin1"));
      },
      end: () => undefined,
    },
    signal,
  );
  return contents;
}
