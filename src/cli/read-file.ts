const REASONS: Record<string, string> = {
  ENOENT: "no such file or directory",
  EACCES: "permission denied",
  EISDIR: "is a directory",
  ENOTDIR: "not a directory",
};

/** The file's text; rejects with Go's words (`open x: no such file or directory`), and above `maxBytes`. */
export async function readTextFile(path: string, maxBytes: number): Promise<string> {
  try {
    const file = Bun.file(path);
    if (file.size > maxBytes && Number.isFinite(file.size)) throw new Error(`${path} is larger than ${maxBytes} bytes`);
    return decodeText(await file.bytes(), path);
  } catch (error) {
    const reason = REASONS[(error as { code?: string }).code ?? ""];
    throw reason === undefined ? error : new Error(`open ${path}: ${reason}`);
  }
}

/** Bytes that are no text are refused, not replaced: a value must reach the container as it stands in the file. */
export function decodeText(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Error(`invalid file (${path}): invalid utf8 bytes`);
  }
}
