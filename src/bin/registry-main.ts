import { runRegistry } from "./registry.ts";

/** The registry as a program of its own: what images/registry/Dockerfile puts into the image. */
runRegistry(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
