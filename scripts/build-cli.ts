import { rename, rm } from "node:fs/promises";

/**
 * Bundles the command line with its bytecode and the runtime into one program, dist/gantry: nothing is looked up, read or parsed
 * at its start, which takes 3 ms off each command. It loads no .env, bunfig.toml or tsconfig.json of the directory it happens to
 * be called in: that would run their code. The daemon and the registry are started rarely and find their files beside their sources:
 * they stay outside.
 */
const OUTSIDE = /^\.\/(daemon|debug|registry)\.ts$/;

const root = `${import.meta.dir}/..`;
const staging = `${root}/dist.new`;
await rm(staging, { recursive: true, force: true });
const result = await Bun.build({
  entrypoints: [`${root}/src/bin/gantry.ts`],
  target: "bun",
  format: "cjs",
  bytecode: true,
  minify: true,
  compile: {
    outfile: `${staging}/gantry`,
    autoloadDotenv: false,
    autoloadBunfig: false,
    autoloadTsconfig: false,
    autoloadPackageJson: false,
  },
  plugins: [
    {
      name: "daemon-from-sources",
      setup(build) {
        // Only what the entry imports: other folders have files of these names, too.
        build.onResolve({ filter: OUTSIDE }, ({ path, importer }) =>
          importer.endsWith("/src/bin/gantry.ts") ? { path: `../src/bin/${path.slice(2)}`, external: true } : undefined,
        );
      },
    },
  ],
});
if (!result.success) throw new AggregateError(result.logs, "the command line could not be built");
await rm(`${root}/dist`, { recursive: true, force: true });
await rename(staging, `${root}/dist`);
