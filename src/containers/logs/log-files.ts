import { type FileHandle, open } from "node:fs/promises";

/** An open file of a log; it stays readable when a rotation renames or removes it. */
export interface LogFile {
  handle: FileHandle;
  inode: bigint;
  sizeBytes: number;
}

/** More rotated files than this are not looked for. */
const MAX_ROTATED_FILES = 1000;

/** The log and what rotation made of it, oldest first: `path.N` … `path.1`, `path`. The caller closes them. */
export async function openLogFiles(path: string): Promise<LogFile[]> {
  const files: LogFile[] = [];
  const current = await openLogFile(path);
  if (current !== undefined) files.push(current);
  for (let index = 1; index <= MAX_ROTATED_FILES; index++) {
    const rotated = await openLogFile(`${path}.${index}`);
    if (rotated === undefined) break;
    // A rotation between two opens shows one file twice.
    if (files.some((file) => file.inode === rotated.inode)) await rotated.handle.close();
    else files.push(rotated);
  }
  return files.reverse();
}

/** undefined: there is none. */
export async function openLogFile(path: string): Promise<LogFile | undefined> {
  try {
    const handle = await open(path, "r");
    const { ino: inode, size } = await handle.stat({ bigint: true });
    return { handle, inode, sizeBytes: Number(size) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/**
 * The file that follows the one with `inode`, once a rotation has moved it: undefined as long as it is the log itself. When the
 * rotation has removed it already, the oldest one left.
 */
export async function openSuccessor(path: string, inode: bigint): Promise<LogFile | undefined> {
  const files = await openLogFiles(path);
  const position = files.findIndex((file) => file.inode === inode);
  const successor = files[position + 1];
  for (const file of files) if (file !== successor) await file.handle.close();
  return successor;
}

const CHUNK_BYTES = 64 * 1024;

/**
 * The offset at which the last `lines` lines of a file begin, read backwards, and how many there are (fewer, when the file is
 * short). A line without its newline at the end counts.
 */
export async function findTail(file: LogFile, lines: number): Promise<{ offset: number; lines: number }> {
  if (lines === 0) return { offset: file.sizeBytes, lines: 0 };
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  let found = 0;
  for (let end = file.sizeBytes; end > 0; ) {
    const start = Math.max(0, end - CHUNK_BYTES);
    const { bytesRead } = await file.handle.read(buffer, 0, end - start, start);
    for (let at = bytesRead - 1; at >= 0; at--) {
      // The newline that ends the last line begins none.
      if (buffer[at] !== 0x0a || start + at === file.sizeBytes - 1) continue;
      if (++found === lines) return { offset: start + at + 1, lines };
    }
    end = start;
  }
  return { offset: 0, lines: file.sizeBytes === 0 ? 0 : found + 1 };
}
