import { existsSync } from "node:fs";
import { EngineError, messageOf } from "../base/errors.ts";

/** Only these paths of the host, never a PATH: a program of that name elsewhere is not what is meant. */
const PROGRAMS = { xz: ["/usr/bin/xz", "/bin/xz"], bzip2: ["/usr/bin/bzip2", "/bin/bzip2"] };
/** xz refuses archives whose dictionary needs more. */
const XZ_MEMORY_LIMIT = "--memlimit-decompress=512MiB";
const MAX_ERROR_TEXT = 1000;

/** Decompresses through the host's own program. Throws not-implemented if the host has none, invalid-argument for a damaged stream. */
export async function* hostDecompressor(
  kind: keyof typeof PROGRAMS,
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const program = PROGRAMS[kind].find((path) => existsSync(path));
  if (program === undefined) throw new EngineError("not-implemented", `this host has no ${kind} program`);
  const child = Bun.spawn([program, "-dc", ...(kind === "xz" ? [XZ_MEMORY_LIMIT] : [])], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
    env: {},
    cwd: "/",
    signal,
  });
  const feeding = feed(source, child.stdin).catch((error: unknown) => error);
  const complaint = new Response(child.stderr).text();
  try {
    for await (const bytes of child.stdout) yield bytes;
    const code = await child.exited;
    if (code !== 0)
      throw new EngineError("invalid-argument", `${kind}: ${(await complaint).slice(0, MAX_ERROR_TEXT).trim()}`);
    const failed = await feeding;
    if (failed !== undefined) throw new EngineError("invalid-argument", `${kind}: ${messageOf(failed)}`);
  } finally {
    child.kill();
    await feeding;
  }
}

async function feed(source: AsyncIterable<Uint8Array>, sink: import("bun").FileSink): Promise<undefined> {
  for await (const bytes of source) {
    // A FileSink keeps what it is given until flushed: one chunk at a time bounds the memory.
    await sink.write(bytes);
    await sink.flush();
  }
  await sink.end();
  return undefined;
}
