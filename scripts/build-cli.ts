import { rename, rm } from "node:fs/promises";

/**
 * Bundles the command line to dist/gantry.js with its bytecode: one file, as CommonJS, because each module of its own and each
 * parsed kilobyte costs start-up time. The daemon is started rarely and finds its files beside its sources: it stays outside.
 */
const OUTSIDE = /^\.\/(daemon|debug)\.ts$/;

const root = `${import.meta.dir}/..`;
const staging = `${root}/dist.new`;
await rm(staging, { recursive: true, force: true });
const result = await Bun.build({
  entrypoints: [`${root}/src/bin/gantry.ts`],
  outdir: staging,
  target: "bun",
  format: "cjs",
  bytecode: true,
  minify: true,
  plugins: [
    {
      name: "daemon-from-sources",
      setup(build) {
        build.onResolve({ filter: OUTSIDE }, ({ path }) => ({ path: `../src/bin/${path.slice(2)}`, external: true }));
      },
    },
  ],
});
if (!result.success) throw new AggregateError(result.logs, "the bundle could not be built");
await rm(`${root}/dist`, { recursive: true, force: true });
await rename(staging, `${root}/dist`);
