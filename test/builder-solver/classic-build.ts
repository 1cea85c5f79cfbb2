import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestDaemon } from "../harness/daemon.ts";
import { runProgram } from "../harness/run-program.ts";

export interface ClassicBuild {
  /** "": it failed. */
  imageId: string;
  /** All that was said, as text. */
  text: string;
  error: string;
}

/** `POST /build` of these files. `query`: `t=name&nocache=1`. */
export async function build(
  daemon: Pick<TestDaemon, "request">,
  files: Record<string, string>,
  { query = "", signal }: { query?: string; signal?: AbortSignal } = {},
): Promise<ClassicBuild> {
  const body = await contextArchive(files);
  const init = { method: "POST", body, ...(signal === undefined ? {} : { signal }) };
  const lines = (await (await daemon.request(`/build?${query}`, init)).text()).trim().split("\n");
  const messages = lines.map(
    (line) => JSON.parse(line) as { stream?: string; error?: string; message?: string; aux?: { ID?: string } },
  );
  return {
    imageId: messages.findLast(({ aux }) => aux?.ID !== undefined)?.aux?.ID ?? "",
    text: messages.map(({ stream = "" }) => stream).join(""),
    error: messages.map(({ error, message }) => error ?? message ?? "").join(""),
  };
}

async function contextArchive(files: Record<string, string>): Promise<Uint8Array<ArrayBuffer>> {
  const directory = mkdtempSync(join(tmpdir(), "gantry-context-"));
  try {
    const archive = `${directory}.tar`;
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(directory, path)), { recursive: true });
      writeFileSync(join(directory, path), text);
    }
    const { code, stderr } = await runProgram(["tar", "-cf", archive, "-C", directory, "."]);
    if (code !== 0) throw new Error(stderr);
    const bytes = await Bun.file(archive).bytes();
    rmSync(archive);
    return bytes;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
