import { zstdCompressSync } from "node:zlib";
import type { TarEntry } from "../../src/formats/tar/entry.ts";
import { encodeEnd, encodeEntry, type PackEntry, packFile } from "../../src/formats/tar/packer.ts";
import { createTarParser } from "../../src/formats/tar/parser.ts";

export interface Member {
  entry: TarEntry;
  content: Buffer;
}

/** The members of a plain archive by name, in its order. Contents are kept up to 1 MiB. */
export function readTar(archive: Uint8Array): Map<string, Member> {
  const members = new Map<string, Member>();
  let last: Member | undefined;
  const parser = createTarParser({
    entry(entry) {
      last = { entry, content: Buffer.alloc(0) };
      members.set(entry.name.toString(), last);
    },
    data(bytes) {
      if (last !== undefined && last.content.length < 1 << 20) last.content = Buffer.concat([last.content, bytes]);
    },
    close: () => undefined,
  });
  parser.push(archive);
  parser.end();
  return members;
}

/** As a client would send it. gzip, bzip2 and xz are programs of the host. */
export function compressWith(kind: string, bytes: Uint8Array): Uint8Array {
  return kind === "zstd" ? zstdCompressSync(bytes) : Bun.spawnSync([kind, "-c"], { stdin: bytes }).stdout;
}

export type NewMember = Partial<PackEntry> & { name: string; content?: string };

export function makeTar(members: NewMember[]): Uint8Array {
  const parts = members.map(({ content, ...entry }) =>
    content === undefined
      ? encodeEntry({ type: "file", mode: 0o755, sizeBytes: 0, ...entry })
      : packFile({ mode: 0o644, ...entry }, Buffer.from(content)),
  );
  return Buffer.concat([...parts, encodeEnd()]);
}
