import { DockerfileError } from "./dockerfile-error.ts";
import { parseFlags } from "./flags.ts";
import { withoutTabs } from "./heredoc.ts";
import type { CommandLine, Heredoc, RunInstruction } from "./instructions.ts";
import { checkRunMount } from "./run-mount.ts";
import { parseJsonArray } from "./words.ts";

const FLAGS = { mount: "many", network: "string", security: "string", device: "many" } as const;
const NETWORKS = ["default", "none", "host"];
const SECURITIES = ["sandbox", "insecure"];

export function parseRun(given: { flags: string[]; rest: string; heredocs: Heredoc[] }): RunInstruction {
  const flags = parseFlags(given.flags, FLAGS);
  const [network, security] = [flags.string("network"), flags.string("security")];
  if (network !== undefined && !NETWORKS.includes(network))
    throw new DockerfileError(`invalid network mode ${JSON.stringify(network)}`);
  if (security !== undefined && !SECURITIES.includes(security))
    throw new DockerfileError(`security ${JSON.stringify(security)} is not valid`);
  for (const mount of flags.many("mount")) checkRunMount(mount);
  return {
    kind: "run",
    command: parseCommandLine(given.rest),
    heredocs: given.heredocs.map(withoutTabs),
    mounts: flags.many("mount").map((written) => ({ written })),
    network,
    security,
    devices: flags.many("device"),
  };
}

/** A JSON array of strings is exec form; anything else is for the shell. */
export function parseCommandLine(text: string): CommandLine {
  const argv = parseJsonArray(text);
  return argv === undefined ? { form: "shell", line: text } : { form: "exec", argv };
}
