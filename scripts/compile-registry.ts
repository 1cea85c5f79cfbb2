import { copyFileSync, mkdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

/**
 * `compile-registry DIRECTORY`: the registry as one program, with the C library that it was linked with and nothing else, as the root
 * of an image. For images/registry/Dockerfile.
 */
const root = resolve(import.meta.dir, "..");
const output = resolve(process.argv[2] ?? join(root, "build/registry"));
const PROGRAM = "gantry-registry";

async function compile(outfile: string): Promise<void> {
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
}

/** The dynamic linker and every library that it would load. */
function librariesOf(program: string): string[] {
  const { stdout, success } = Bun.spawnSync(["ldd", program]);
  const paths = [...stdout.toString().matchAll(/(?:=> )?(\/\S+) \(0x/g)].map((match) => match[1] ?? "");
  if (!success || paths.length === 0) throw new Error(`ldd ${program}: found no libraries`);
  return paths;
}

mkdirSync(output, { recursive: true });
const program = join(output, PROGRAM);
await compile(program);
for (const library of librariesOf(program)) {
  mkdirSync(join(output, dirname(library)), { recursive: true });
  copyFileSync(library, join(output, library));
}
