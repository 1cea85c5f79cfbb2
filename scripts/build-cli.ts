import { rename, rm } from "node:fs/promises";
import type { BunPlugin } from "bun";

/**
 * Bundles the command line to dist/ with its bytecode: gantry.js with every verb, and one small file for each verb that people
 * wait for, because each module of its own and each kilobyte of code costs start-up time (a millisecond for the whole).
 * bin/gantry chooses. The daemon is started rarely and finds its files beside its sources: it stays outside.
 */
const OUTSIDE = /^\.\/(daemon|debug)\.ts$/;
/** Verb → its module, as src/cli/registry.ts names it. */
const OWN_BUNDLE: Record<string, string> = {
  run: "./container/run.ts",
  exec: "./container/exec.ts",
  ps: "./container/ps.ts",
  create: "./container/create.ts",
  start: "./container/start.ts",
  stop: "./container/stop.ts",
  rm: "./container/rm.ts",
  logs: "./container/logs.ts",
};

const root = `${import.meta.dir}/..`;
const staging = `${root}/dist.new`;

const daemonFromSources: BunPlugin = {
  name: "daemon-from-sources",
  setup(build) {
    build.onResolve({ filter: OUTSIDE }, ({ path }) => ({ path: `../src/bin/${path.slice(2)}`, external: true }));
  },
};

/** Leaves out every other verb: nobody asks this bundle for them. */
function onlyVerb(module: string): BunPlugin {
  return {
    name: "only-verb",
    setup(build) {
      build.onResolve({ filter: /^\.\/(container|image|volume|network|system)\/.*\.ts$/ }, ({ path, importer }) =>
        importer.endsWith("/cli/registry.ts") && path !== module ? { path, namespace: "left-out" } : undefined,
      );
      build.onLoad({ filter: /.*/, namespace: "left-out" }, () => ({ contents: "export {};", loader: "js" }));
    },
  };
}

async function bundle(name: string, plugins: BunPlugin[]): Promise<void> {
  const result = await Bun.build({
    entrypoints: [`${root}/src/bin/gantry.ts`],
    outdir: staging,
    naming: { entry: `${name}.[ext]` },
    target: "bun",
    format: "cjs",
    bytecode: true,
    minify: true,
    plugins: [daemonFromSources, ...plugins],
  });
  if (!result.success) throw new AggregateError(result.logs, `the bundle ${name} could not be built`);
}

await rm(staging, { recursive: true, force: true });
await bundle("gantry", []);
for (const [verb, module] of Object.entries(OWN_BUNDLE)) await bundle(verb, [onlyVerb(module)]);
await rm(`${root}/dist`, { recursive: true, force: true });
await rename(staging, `${root}/dist`);
