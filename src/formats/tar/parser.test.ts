import { expect, test } from "bun:test";
import { EngineError } from "../../base/errors.ts";
import type { TarEntry } from "./entry.ts";
import { encodeHeader } from "./header.ts";
import { encodeEnd, encodeEntry, encodePadding, type PackEntry, packFile } from "./packer.ts";
import { createTarParser, type TarParserOptions } from "./parser.ts";
import { encodePax } from "./pax.ts";

interface Read {
  entry: TarEntry;
  content: Buffer;
}

/** Feeds `archive` in pieces of `step` bytes. */
function read(archive: Uint8Array, step = archive.length, options: TarParserOptions = {}): Read[] {
  const found: Read[] = [];
  const parser = createTarParser(
    {
      entry: (entry) => found.push({ entry, content: Buffer.alloc(Math.min(entry.sizeBytes, 1 << 20)) }),
      data: (bytes, offset) =>
        found.at(-1)?.content.set(bytes.subarray(0, Math.max(0, (1 << 20) - offset)), Math.min(offset, 1 << 20)),
      close: () => undefined,
    },
    options,
  );
  for (let index = 0; index < archive.length; index += step) parser.push(archive.subarray(index, index + step));
  parser.end();
  return found;
}

const header = (fields: Partial<Parameters<typeof encodeHeader>[0]>) =>
  encodeHeader({
    typeFlag: "0",
    name: Buffer.from("f"),
    linkName: Buffer.alloc(0),
    mode: 0o644,
    uid: 0,
    gid: 0,
    sizeBytes: 0,
    modifiedSeconds: 0,
    deviceMajor: 0,
    deviceMinor: 0,
    ...fields,
  });

const pax = (records: Record<string, string>) => {
  const payload = encodePax(Object.entries(records).map(([key, value]) => ({ key, value: Buffer.from(value) })));
  return Buffer.concat([header({ typeFlag: "x", sizeBytes: payload.length }), payload, encodePadding(payload.length)]);
};

test.each<[string, PackEntry]>([
  ["a file", { type: "file", name: "a/b", mode: 0o4755, sizeBytes: 0, uid: 1, gid: 2 }],
  ["a long name that is not UTF-8", { type: "directory", name: Buffer.alloc(5000, 0xff), mode: 0o755, sizeBytes: 0 }],
  ["a long link", { type: "symlink", name: "l", linkName: "x".repeat(300), mode: 0o777, sizeBytes: 0 }],
  ["a device", { type: "block", name: "d", mode: 0o600, sizeBytes: 0, deviceMajor: 8, deviceMinor: 300 }],
  [
    "time before 1970",
    { type: "fifo", name: "p", mode: 0o600, sizeBytes: 0, modifiedAt: { seconds: -2n, nanoseconds: 5 } },
  ],
  ["large ids", { type: "file", name: "f", mode: 0o600, sizeBytes: 0, uid: 4_000_000_000, gid: 3_000_000 }],
  [
    "binary attributes",
    {
      type: "file",
      name: "f",
      mode: 0o755,
      sizeBytes: 0,
      xattrs: [{ name: Buffer.from("security.capability"), value: Buffer.from([1, 0, 0, 2, 10, 61, 0, 255]) }],
    },
  ],
])("%s comes back as it was packed", (_name, packed) => {
  const archive = Buffer.concat([encodeEntry(packed), encodeEnd()]);
  for (const step of [1, 7, 512, archive.length]) {
    const [found] = read(archive, step);
    const expected = {
      ...packed,
      name: Buffer.from(packed.name as string),
      linkName: Buffer.from((packed.linkName ?? "") as string),
    };
    expect(found?.entry).toMatchObject(expected);
  }
});

test("GNU long names and base-256 numbers are read", () => {
  const name = Buffer.from("n".repeat(200));
  const block = header({ name: Buffer.from("short"), sizeBytes: 0 });
  block.set([0x80, 0, 0, 0, 0, 0, 0, 5], 108);
  block.set([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe], 136);
  fixChecksum(block);
  const archive = Buffer.concat([
    header({ typeFlag: "L", sizeBytes: 201 }),
    name,
    Buffer.alloc(512 - 200),
    block,
    encodeEnd(),
  ]);
  const [found] = read(archive);
  expect(found?.entry.name).toEqual(name);
  expect(found?.entry.uid).toBe(5);
  expect(found?.entry.modifiedAt.seconds).toBe(-2n);
});

test.each<[string, Buffer]>([
  [
    "0.0",
    Buffer.concat([
      (() => {
        const payload = encodePax(
          [
            ["GNU.sparse.size", "3000"],
            ["GNU.sparse.numblocks", "2"],
            ["GNU.sparse.offset", "0"],
            ["GNU.sparse.numbytes", "3"],
            ["GNU.sparse.offset", "2000"],
            ["GNU.sparse.numbytes", "2"],
          ].map(([key = "", value = ""]) => ({ key, value: Buffer.from(value) })),
        );
        return Buffer.concat([
          header({ typeFlag: "x", sizeBytes: payload.length }),
          payload,
          encodePadding(payload.length),
        ]);
      })(),
      header({ sizeBytes: 5 }),
      Buffer.from("abcde"),
      encodePadding(5),
    ]),
  ],
  [
    "0.1",
    Buffer.concat([
      pax({ "GNU.sparse.size": "3000", "GNU.sparse.map": "0,3,2000,2", "GNU.sparse.name": "f" }),
      header({ sizeBytes: 5 }),
      Buffer.from("abcde"),
      encodePadding(5),
    ]),
  ],
  [
    "1.0",
    Buffer.concat([
      pax({ "GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "3000", "GNU.sparse.name": "f" }),
      header({ sizeBytes: 517, name: Buffer.from("GNUSparseFile.0/f") }),
      Buffer.concat([Buffer.from("2\n0\n3\n2000\n2\n"), Buffer.alloc(499), Buffer.from("abcde")]),
      encodePadding(517),
    ]),
  ],
])("GNU sparse %s puts the data where it belongs", (_form, archive) => {
  for (const step of [1, 100, archive.length]) {
    const [found] = read(Buffer.concat([archive, encodeEnd()]), step);
    expect(found?.entry.name.toString()).toBe("f");
    expect(found?.entry.sizeBytes).toBe(3000);
    expect(found?.content.subarray(0, 4).toString()).toBe("abc\0");
    expect(found?.content.subarray(2000, 2003).toString()).toBe("de\0");
  }
});

test.each<[string, Uint8Array, string]>([
  ["a wrong checksum", Buffer.concat([Buffer.from("x"), Buffer.alloc(511)]), "wrong header checksum"],
  ["a cut header", header({}).subarray(0, 100), "unexpected end"],
  ["cut data", Buffer.concat([header({ sizeBytes: 10 }), Buffer.from("abc")]), "unexpected end"],
  ["a PAX header of 2 MiB", header({ typeFlag: "x", sizeBytes: 2 << 20 }), "extended header of 2097152 bytes"],
  [
    "a PAX record longer than the header",
    Buffer.concat([header({ typeFlag: "x", sizeBytes: 12 }), Buffer.from("99 path=a\nxx"), Buffer.alloc(500)]),
    "malformed PAX record",
  ],
  ["NUL in a path", Buffer.concat([pax({ path: "a\0b" }), header({})]), "NUL in a name"],
  ["an unknown type", header({ typeFlag: "Z" }), "unhandled entry type"],
  ["a uid of 2^32", Buffer.concat([pax({ uid: "4294967296" }), header({})]), "out of range"],
  ["a size of 2^70", Buffer.concat([pax({ size: String(2n ** 65n) }), header({})]), "out of range"],
  [
    "a sparse map beyond the end",
    Buffer.concat([pax({ "GNU.sparse.size": "10", "GNU.sparse.map": "8,5" }), header({ sizeBytes: 5 })]),
    "invalid sparse map",
  ],
])("%s is refused", (_name, archive, message) => {
  expect(() => read(archive)).toThrow(message);
});

test("an archive may end with the last byte of its last file where that is allowed: docker build -f - sends such a context", () => {
  const archive = Buffer.concat([header({ sizeBytes: 3 }), Buffer.from("abc")]);
  expect(() => read(archive)).toThrow("unexpected end");
  const [found] = read(archive, archive.length, { mayEndInPadding: true });
  expect(found?.content.toString()).toBe("abc");
});

test("mutated archives give an error or entries, and the same in whatever pieces they come", () => {
  const seed = Buffer.concat([
    packFile(
      { name: "n".repeat(150), mode: 0o644, xattrs: [{ name: Buffer.from("user.a"), value: Buffer.from("b") }] },
      Buffer.alloc(700, 1),
    ),
    pax({ "GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "3000" }),
    header({ sizeBytes: 517 }),
    Buffer.from("2\n0\n3\n2000\n2\n"),
    Buffer.alloc(499),
    Buffer.from("abcde"),
    encodePadding(517),
    encodeEntry({ type: "symlink", name: "l", linkName: "t", mode: 0o777, sizeBytes: 0 }),
    encodeEnd(),
  ]);
  let state = 12_345;
  const random = (limit: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
  for (let round = 0; round < 3000; round++) {
    const mutated = Buffer.from(seed.subarray(0, random(8) === 0 ? random(seed.length) : seed.length));
    for (let count = 1 + random(6); count > 0 && mutated.length > 0; count--)
      mutated[random(mutated.length)] = random(256);
    for (let block = 0; random(2) === 0 && block + 512 <= mutated.length; block += 512)
      fixChecksum(mutated.subarray(block, block + 512));
    expect(outcome(mutated, 61)).toBe(outcome(mutated, mutated.length + 1));
  }
});

function outcome(archive: Buffer, step: number): string {
  try {
    return read(archive, step)
      .map(
        ({ entry, content }) => `${entry.type} ${entry.name.toString("hex")} ${entry.sizeBytes} ${Bun.hash(content)}`,
      )
      .join("\n");
  } catch (error) {
    expect(error).toBeInstanceOf(EngineError);
    return (error as Error).message;
  }
}

function fixChecksum(block: Buffer): void {
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, 8, "latin1");
}
