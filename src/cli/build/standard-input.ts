/** Longest Dockerfile that is read. */
const MAX_DOCKERFILE_BYTES = 16 * 1024 * 1024;
/** As much as tells an archive from a text: a tar header. */
const SNIFFED_BYTES = 512;

const MAGIC: readonly (readonly number[])[] = [
  [0x1f, 0x8b], // gzip
  [0x42, 0x5a, 0x68], // bzip2
  [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], // xz
  [0x28, 0xb5, 0x2f, 0xfd], // zstd
];
const TAR_MAGIC = { at: 257, text: "ustar" };

/** What comes on standard input: a context, or a Dockerfile by itself. Nothing of it is lost. */
export async function sniffInput(
  input: AsyncIterable<Uint8Array>,
): Promise<{ kind: "archive" | "text"; bytes: AsyncIterable<Uint8Array> }> {
  const chunks = input[Symbol.asyncIterator]();
  const first: Uint8Array[] = [];
  for (let bytes = 0; bytes < SNIFFED_BYTES; ) {
    const { value, done } = await chunks.next();
    if (done === true) break;
    first.push(value);
    bytes += value.byteLength;
  }
  async function* all() {
    yield* first;
    for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value;
  }
  return { kind: isArchive(Buffer.concat(first)) ? "archive" : "text", bytes: all() };
}

function isArchive(head: Uint8Array): boolean {
  if (MAGIC.some((magic) => magic.every((byte, at) => head[at] === byte))) return true;
  const tar = Buffer.from(head).toString("latin1", TAR_MAGIC.at, TAR_MAGIC.at + TAR_MAGIC.text.length);
  // Before POSIX there was no magic: then the name is followed by zeroes, which no text has.
  return tar === TAR_MAGIC.text || (head.byteLength >= SNIFFED_BYTES && head[99] === 0);
}

/** Throws when it is empty or too long. */
export async function readDockerfile(bytes: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of bytes) {
    length += chunk.byteLength;
    if (length > MAX_DOCKERFILE_BYTES) throw new Error(`the Dockerfile is longer than ${MAX_DOCKERFILE_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
