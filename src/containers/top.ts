import { EngineError } from "../base/errors.ts";
import { type Core, subjectOf } from "./core.ts";
import { assertCan } from "./guards.ts";
import { cgroupPath } from "./launch-input.ts";

/** Processes of a container, by the host's `ps`. Throws internal when its output names no PID. */
export async function topOf(
  core: Core,
  reference: string,
  psArguments: string,
): Promise<{ titles: string[]; processes: string[][] }> {
  const entry = core.index.find(reference);
  assertCan(entry.run.state, "top", subjectOf(entry, reference));
  const pids = new Set(core.deps.cgroups.pids(cgroupPath(entry.definition, core.deps.defaults.cgroupParent)));
  const args = (psArguments === "" ? "-ef" : psArguments).split(/\s+/).filter(Boolean);
  for (const arg of args) {
    // A custom header may hide the PID column behind another; Docker refuses it too.
    if (/\bpid=/.test(arg) && !/\bpid=PID\b/.test(arg)) {
      throw new EngineError("invalid-argument", `specifying "${arg}" is not allowed`);
    }
  }
  const result = parsePs(await core.deps.ps(args), pids);
  core.publish(entry, "top");
  return result;
}

/** Keeps the lines of the given PIDs. The last column takes the rest of the line. Pure. */
export function parsePs(output: string, pids: ReadonlySet<number>): { titles: string[]; processes: string[][] } {
  const [header = "", ...lines] = output.split("\n");
  const titles = header.trim().split(/\s+/).filter(Boolean);
  const column = titles.indexOf("PID");
  if (column === -1) throw new EngineError("internal", "Couldn't find PID field in ps output");
  const processes: string[][] = [];
  for (const line of lines) {
    const fields = line.trim().split(/\s+/);
    if (line.trim() === "" || !pids.has(Number(fields[column]))) continue;
    processes.push([...fields.slice(0, titles.length - 1), fields.slice(titles.length - 1).join(" ")]);
  }
  return { titles, processes };
}
