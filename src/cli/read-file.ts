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
    return await file.text();
  } catch (error) {
    const reason = REASONS[(error as { code?: string }).code ?? ""];
    throw reason === undefined ? error : new Error(`open ${path}: ${reason}`);
  }
}
