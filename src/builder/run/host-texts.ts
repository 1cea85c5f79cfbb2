import { readTexts } from "../../kernel/read-directory.ts";
import type { RunnerDeps } from "./deps.ts";

const PROGRAM_HANDLERS = "/proc/sys/fs/binfmt_misc";
/** @see Container Device Interface, SPEC.md "CDI JSON Specification" */
const DEVICE_SPECS = ["/etc/cdi", "/var/run/cdi"];

/** What of this host the runner asks for each time: others change it. */
export const hostTexts: Pick<RunnerDeps, "programHandlers" | "deviceSpecs"> = {
  programHandlers: () => readTexts(PROGRAM_HANDLERS),
  deviceSpecs: () => DEVICE_SPECS.flatMap(readTexts),
};
