import type { Suite } from "./context.ts";
import { filesSuite } from "./files.ts";
import { housekeepingSuite } from "./housekeeping.ts";
import { imagesSuite } from "./images.ts";
import { lifecycleSuite } from "./lifecycle.ts";
import { runSuite } from "./run.ts";
import { networkSuite, volumesSuite } from "./storage-network.ts";
import { streamsSuite } from "./streams.ts";

/** What every command line that speaks the Engine API must be able to do with our daemon. */
export const EVERYTHING: Suite[] = [
  imagesSuite,
  housekeepingSuite,
  runSuite,
  lifecycleSuite,
  streamsSuite,
  filesSuite,
  volumesSuite,
  networkSuite,
];
