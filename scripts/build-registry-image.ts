import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { digestOf } from "../src/formats/oci/digest.ts";
import { encodeEnd, encodeEntry, packFile } from "../src/formats/tar/packer.ts";

/**
 * The registry as an image: one program, the C library that it was linked with, and nothing else; no shell. The same sources and the
 * same libraries give the same bytes: names are sorted, times are zero.
 */
const root = resolve(import.meta.dir, "..");
const output = resolve(process.argv[2] ?? join(root, "build/registry.tar"));
const PROGRAM = "gantry-registry";
const TAGS = ["registry:latest", "registry:2"];
const CREATED = "1970-01-01T00:00:00Z";
/** Docker's own image keeps its data there; so existing `-v` and `-e` flags fit. */
const DATA = "/var/lib/registry";
const EXECUTION = {
  Entrypoint: [`/${PROGRAM}`],
  Cmd: ["serve"],
  Env: ["PATH=/", "REGISTRY_HTTP_ADDR=:5000", `REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=${DATA}`],
  ExposedPorts: { "5000/tcp": {} },
  Volumes: { [DATA]: {} },
  WorkingDir: "/",
};

async function compile(directory: string): Promise<string> {
  const outfile = join(directory, PROGRAM);
  const result = await Bun.build({
    entrypoints: [join(root, "src/bin/registry-main.ts")],
    target: "bun",
    minify: true,
    compile: {
      outfile,
      autoloadDotenv: false,
      autoloadBunfig: false,
      autoloadTsconfig: false,
      autoloadPackageJson: false,
    },
  });
  if (!result.success) throw new AggregateError(result.logs, "the registry could not be built");
  return outfile;
}

/** The dynamic linker and every library that it would load. */
function librariesOf(program: string): string[] {
  const { stdout, success } = Bun.spawnSync(["ldd", program]);
  const paths = [...stdout.toString().matchAll(/(?:=> )?(\/\S+) \(0x/g)].map((match) => match[1] ?? "");
  if (!success || paths.length === 0) throw new Error(`ldd ${program}: found no libraries`);
  return paths;
}

/** Of every directory on the way, and of the files. */
function layerOf(files: Map<string, { content: Uint8Array; mode: number }>): Buffer {
  const directories = new Map([
    ["tmp", 0o1777],
    [DATA.slice(1), 0o755],
  ]);
  for (const path of [...files.keys(), ...directories.keys()]) {
    for (let parent = dirname(path); parent !== "."; parent = dirname(parent)) directories.set(parent, 0o755);
  }
  const entries: [string, Buffer][] = [];
  for (const [path, mode] of directories)
    entries.push([path, encodeEntry({ type: "directory", name: `${path}/`, mode, sizeBytes: 0 })]);
  for (const [path, { content, mode }] of files) entries.push([path, packFile({ name: path, mode }, content)]);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return Buffer.concat([...entries.map(([, bytes]) => bytes), encodeEnd()]);
}

function archiveOf(layer: Buffer): Buffer {
  const diffId = digestOf(layer);
  const config = Buffer.from(
    JSON.stringify({
      architecture: process.arch === "arm64" ? "arm64" : "amd64",
      os: "linux",
      created: CREATED,
      config: EXECUTION,
      rootfs: { type: "layers", diff_ids: [diffId] },
      history: [{ created: CREATED, created_by: "scripts/build-registry-image" }],
    }),
  );
  const [layerName, configName] = [`${diffId.slice(7)}/layer.tar`, `${digestOf(config).slice(7)}.json`];
  const manifest = Buffer.from(JSON.stringify([{ Config: configName, RepoTags: TAGS, Layers: [layerName] }]));
  const members: [string, Buffer][] = [
    [layerName, layer],
    [configName, config],
    ["manifest.json", manifest],
  ];
  return Buffer.concat([...members.map(([name, content]) => packFile({ name, mode: 0o644 }, content)), encodeEnd()]);
}

mkdirSync(dirname(output), { recursive: true });
const staging = mkdtempSync(join(dirname(output), "registry-image-"));
try {
  const program = await compile(staging);
  const files = new Map([[PROGRAM, { content: readFileSync(program), mode: 0o755 }]]);
  for (const path of librariesOf(program)) files.set(path.slice(1), { content: readFileSync(path), mode: 0o755 });
  writeFileSync(join(staging, "image.tar"), archiveOf(layerOf(files)));
  renameSync(join(staging, "image.tar"), output);
} finally {
  rmSync(staging, { recursive: true, force: true });
}
console.log(`${output}: ${TAGS.join(", ")}`);
