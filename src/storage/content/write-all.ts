import type { FileHandle } from "node:fs/promises";

/** Every byte of the batch, in order. */
export async function writeAll(file: FileHandle, batch: Uint8Array[]): Promise<void> {
  const total = batch.reduce((sum, piece) => sum + piece.length, 0);
  const { bytesWritten: first } = await file.writev(batch);
  if (first === total) return;
  // Cut short, as by a full disk: what is left goes piece by piece, which tells why.
  for (const piece of remaining(batch, first)) {
    for (let offset = 0; offset < piece.length; ) {
      const { bytesWritten } = await file.write(piece, offset, piece.length - offset);
      offset += bytesWritten;
    }
  }
}

function remaining(batch: Uint8Array[], written: number): Uint8Array[] {
  let skip = written;
  return batch.flatMap((piece) => {
    const cut = Math.min(skip, piece.length);
    skip -= cut;
    return cut === piece.length ? [] : [piece.subarray(cut)];
  });
}
