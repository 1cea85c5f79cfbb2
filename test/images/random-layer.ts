import { encodeEnd, encodeEntry, type PackEntry, packFile } from "../../src/formats/tar/packer.ts";

/** Real directories that stay; the first three have symlinks `l0` to `l2` to them as second names. */
const DIRECTORIES = ["d0", "d1", "d2", "d3", "d4/deep/er", "d5"];
const ALIASED = 3;
/** Directories that at some time are replaced by a symlink to one of those with an alias. */
const REPLACEABLE = 40;
const LEAVES = 60;
/** After so many steps, how many of a thousand are more than a new file changes: each may end what is collected. */
const PHASE = 500;
const ODD_PER_MILLE = [0, 4, 20, 400];
const RECENT = 300;

type Kind = "file" | "symlink" | "directory" | "whiteout";

/** xorshift32: numbers in [0, limit). */
export function createRandom(seed: number): (limit: number) => number {
  let state = seed | 1;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}

/**
 * A layer that unpacks without an error and in which order matters everywhere: names come again as something else, under a second
 * name, as targets of hard links, as whiteouts, below directories that become symlinks.
 */
export function randomLayer(seed: number, entries: number): Buffer {
  const maker = new LayerMaker(createRandom(seed));
  for (let count = 0; count < entries; count++) maker.step();
  return Buffer.concat([...maker.parts, encodeEnd()]);
}

class LayerMaker {
  readonly parts: Buffer[] = [];
  readonly #random: (limit: number) => number;
  /** What is at each path, by its name without symlinks. */
  readonly #kinds = new Map<string, Kind>();
  #recent: string[] = [];
  #steps = 0;
  #oddPerMille = 0;
  readonly #aliases = new Map<string, string>();

  constructor(random: (limit: number) => number) {
    this.#random = random;
    for (let at = 0; at < ALIASED; at++) {
      this.#add({ type: "directory", name: `d${at}/`, mode: 0o755 });
      this.#aliases.set(`l${at}`, `d${at}`);
      this.#add({ type: "symlink", name: `l${at}`, linkName: `d${at}` });
    }
  }

  step(): void {
    if (this.#steps++ % PHASE === 0) this.#oddPerMille = this.#pick(ODD_PER_MILLE);
    if (this.#random(1000) < this.#oddPerMille) this.#oddStep();
    else this.#file(this.#remember(`${this.#pick(DIRECTORIES)}/n${this.#steps}`));
  }

  #oddStep(): void {
    const chance = this.#random(100);
    if (chance < 30) this.#file(this.#name());
    else if (chance < 45) this.#symlink(this.#name());
    else if (chance < 60) this.#hardLink(this.#name());
    else if (chance < 70) this.#whiteout(this.#name());
    else if (chance < 88) this.#leafDirectory(this.#name(["d3", "d5"]));
    else if (chance < 95) this.#file(`r${this.#random(REPLACEABLE)}/f${this.#random(20)}`);
    else this.#replaceDirectory(`r${this.#random(REPLACEABLE)}`);
  }

  #remember(name: string): string {
    this.#recent = [...this.#recent.slice(1 - RECENT), name];
    return name;
  }

  /** Often one that was just used: its file may not be made yet. */
  #name(places: readonly string[] = DIRECTORIES): string {
    const recent = this.#recent.filter((name) => places.some((place) => name.startsWith(`${place}/`)));
    const again = this.#random(3) > 0 && recent.length > 0;
    const name = again ? this.#pick(recent) : `${this.#pick(places)}/f${this.#random(LEAVES)}`;
    this.#remember(name);
    return this.#random(4) === 0 ? this.#alias(name) : name;
  }

  /** Its second name, where it has one. */
  #alias(name: string): string {
    return name.replace(/^d([0-2])\//, "l$1/");
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#random(list.length)] as T;
  }

  #canonical(name: string): string {
    const [first = "", ...rest] = name.split("/");
    return [this.#aliases.get(first) ?? first, ...rest].join("/");
  }

  #file(name: string): void {
    const sizeBytes = this.#random(200) === 0 ? 60_000 + this.#random(20_000) : this.#random(1000);
    const content = Buffer.alloc(sizeBytes, `${name} ${this.parts.length} `);
    const fields = {
      name: this.#random(4) === 0 ? `./${name}` : name,
      mode: this.#pick([0o644, 0o600, 0o755, 0o4755, 0o2711, 0o6750, 0o1644, 0]),
      uid: this.#pick([0, 0, 0, 7, 100_000]),
      gid: this.#pick([0, 0, 0, 8]),
      modifiedAt: { seconds: BigInt(this.#random(2 ** 31)) - 1000n, nanoseconds: this.#random(10 ** 9) },
    };
    const xattrs = [{ name: Buffer.from("trusted.some"), value: Buffer.from(name) }];
    this.parts.push(packFile(this.#random(100) === 0 ? { ...fields, xattrs } : fields, content));
    this.#kinds.set(this.#canonical(name), "file");
  }

  #symlink(name: string): void {
    this.#add({ type: "symlink", name, linkName: this.#pick(["f1", "nowhere", "/d1/f3"]), uid: this.#random(2) });
    this.#kinds.set(this.#canonical(name), "symlink");
  }

  /** Mostly to a file that was just written. */
  #hardLink(name: string): void {
    const files = [...this.#kinds].filter(([, kind]) => kind === "file").map(([path]) => path);
    const target = this.#random(3) === 0 ? this.#pick(files) : files.at(-1 - this.#random(Math.min(files.length, 5)));
    if (target === undefined || target === this.#canonical(name)) return;
    this.#add({ type: "hardlink", name, linkName: this.#random(2) === 0 ? target : this.#alias(target) });
    this.#kinds.delete(this.#canonical(name));
    this.#kinds.set(this.#canonical(name), "file");
  }

  #whiteout(name: string): void {
    this.#add({ type: "file", name: name.replace(/([^/]+)$/, ".wh.$1"), mode: 0o644 });
    const path = this.#canonical(name);
    if (!this.#kinds.has(path)) this.#kinds.set(path, "whiteout");
  }

  /** With a file inside, which is lost when the leaf becomes a file again. */
  #leafDirectory(name: string): void {
    this.#add({ type: "directory", name: `${name}/`, mode: this.#pick([0o755, 0o2775]), gid: this.#random(9) });
    this.parts.push(packFile({ name: `${name}/inside`, mode: 0o644 }, Buffer.from(name)));
    this.#kinds.set(name, "directory");
  }

  #replaceDirectory(name: string): void {
    if (this.#aliases.has(name)) return;
    for (let count = this.#random(3); count > 0; count--) this.#file(`${name}/f${count}`);
    const target = `d${this.#random(ALIASED)}`;
    this.#add({ type: "symlink", name, linkName: target });
    for (const path of this.#kinds.keys()) if (path.startsWith(`${name}/`)) this.#kinds.delete(path);
    this.#aliases.set(name, target);
  }

  #add(entry: Omit<PackEntry, "mode" | "sizeBytes"> & { mode?: number }): void {
    const modifiedAt = { seconds: BigInt(this.parts.length), nanoseconds: this.parts.length };
    this.parts.push(encodeEntry({ mode: 0o777, sizeBytes: 0, modifiedAt, ...entry }));
  }
}
