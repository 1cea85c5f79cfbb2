import { invalid } from "../../base/errors.ts";
import type { RunInstruction } from "../../formats/dockerfile/instructions.ts";
import { parseRunMount } from "../../formats/dockerfile/run-mount.ts";
import type { SolveRequest } from "../builder.ts";
import type { RunOp } from "../graph.ts";
import { PROXY_ARGUMENTS } from "./build-arguments.ts";
import { withShell } from "./config-instructions.ts";
import { internalVertex } from "./graph-builder.ts";
import { type PlannedMounts, planMounts } from "./run-mounts.ts";
import { type RunScript, runScript, SCRIPT_DIRECTORY } from "./run-script.ts";
import { addHistory, addVertex, nextStep, type StageState, type Step } from "./stage-state.ts";
import { shownText } from "./vertex-names.ts";

/** RUN. @see BuildKit frontend/dockerfile/dockerfile2llb/convert.go `dispatchRun` */
export function applyRun(step: Step, run: RunInstruction): void {
  const { planner, stage, command } = step;
  const { request } = planner;
  const script = runScript(run);
  const planned = planMounts(step, run);
  const argv = startOf(step, script, planned);
  const { lines, uncachedNames } = environmentOf(stage, request.buildArgs, planned.agentSocket);
  const op: RunOp = {
    kind: "run",
    argv,
    environment: lines,
    uncachedNames,
    workingDirectory: stage.image.workingDir || "/",
    user: stage.image.user,
    network: networkOf(run.network, request),
    security: securityOf(run.security, request),
    devices: devicesOf(run.devices, request),
    mounts: planned.mounts,
    hostname: hostnameOf(request),
    extraHosts: request.extraHosts,
    shmSizeBytes: request.shmSizeBytes,
    ulimits: request.ulimits,
    cgroupParent: request.cgroupParent,
    resources: request.resources,
    epochSeconds: planner.epochSeconds,
    platform: imagePlatform(stage),
  };
  const text = shownRun(step, script, planned.secretVariables);
  const name = nextStep(planner, stage, { text, isTrigger: command.isTrigger });
  const inputs = [stage.vertex, ...planned.inputs];
  stage.vertex = addVertex(planner, stage, { op, inputs, name, location: command.instruction.location });
  addHistory(stage, `RUN ${historyText(stage, script)} # buildkit`, stage.vertex);
}

/** argv; a script becomes one more mount. */
function startOf({ planner, stage }: Step, script: RunScript, planned: PlannedMounts): string[] {
  if (script.kind === "exec") return script.argv;
  if (script.kind === "shell") return withShell(stage.image, script.line);
  const { name, content } = script.document;
  const op = { kind: "inline" as const, files: [{ name, content }] };
  const vertex = planner.graph.add(internalVertex(op, "[internal] preparing inline document"));
  const mount = parseRunMount(`type=bind,target=${SCRIPT_DIRECTORY}`, (word) => word);
  planned.mounts.push({ mount: { ...mount, source: "/" }, input: planned.inputs.push(vertex) });
  return [...script.interpreter, `${SCRIPT_DIRECTORY}/${name}`];
}

/** Proxies come last and only where the Dockerfile has not set them itself. They are not part of the cache key. */
function environmentOf(
  stage: StageState,
  buildArgs: SolveRequest["buildArgs"],
  agentSocket: string | undefined,
): { lines: string[]; uncachedNames: string[] } {
  const environment = stage.environment.copy();
  if (agentSocket !== undefined && environment.get("SSH_AUTH_SOCK") === undefined) {
    environment.set("SSH_AUTH_SOCK", agentSocket);
  }
  const uncachedNames: string[] = [];
  for (const upper of PROXY_ARGUMENTS) {
    const key = Object.keys(buildArgs).find((name) => name.toUpperCase() === upper && buildArgs[name] !== "");
    if (key === undefined) continue;
    for (const name of [upper, upper.toLowerCase()]) {
      if (environment.get(name) !== undefined) continue;
      environment.set(name, buildArgs[name] || (buildArgs[key] as string));
      uncachedNames.push(name);
    }
  }
  return { lines: environment.lines(), uncachedNames };
}

/** What the request asks for all RUNs is the user's own word; what a Dockerfile asks for has to be granted. */
function networkOf(wanted: string | undefined, request: SolveRequest): RunOp["network"] {
  if (wanted === "host" && request.network !== "host") granted(request, "network.host");
  const network = wanted === undefined || wanted === "default" ? request.network || "default" : wanted;
  if (network === "default" || network === "none" || network === "host") return network;
  if (network === "bridge") return "default";
  throw invalid(`network mode ${JSON.stringify(network)} not supported by buildkit`);
}

function securityOf(wanted: string | undefined, request: SolveRequest): RunOp["security"] {
  if (wanted !== "insecure") return "sandbox";
  granted(request, "security.insecure");
  return "insecure";
}

function devicesOf(devices: string[], request: SolveRequest): string[] {
  if (devices.length > 0) granted(request, "device");
  return devices;
}

function granted({ entitlements }: SolveRequest, name: string): void {
  if (!entitlements.includes(name)) throw invalid(`${name} is not allowed: it has to be granted with --allow ${name}`);
}

function hostnameOf({ buildArgs, hostname }: SolveRequest): string {
  return buildArgs.BUILDKIT_SANDBOX_HOSTNAME || hostname;
}

/** What the stage's programs are made for, whatever was asked for. */
function imagePlatform({ image, platform }: StageState): RunOp["platform"] {
  if (image.architecture === "") return platform;
  const { os, architecture, variant } = image;
  return { os, architecture, ...(variant === undefined ? {} : { variant }) };
}

/** Variables that are known are shown with their values, secrets never. */
function shownRun({ planner, stage, command }: Step, script: RunScript, secrets: string[]): string {
  const lookup = (name: string) => (secrets.includes(name) ? "****" : stage.environment.get(name));
  const summary = "summary" in script && script.summary !== undefined ? ` (${script.summary})` : "";
  const text = command.instruction.text + summary;
  return shownText(text, lookup, { escape: planner.escape, rawQuotes: true, keepUnset: true });
}

/** `|2 A=1 B=2 /bin/sh -c make`: every ARG so far, then what is run. */
function historyText(stage: StageState, script: RunScript): string {
  const args = new Map<string, string>();
  for (const { name, value } of stage.args) args.set(name, stage.environment.get(name) ?? value ?? "");
  const shown = Array.from(args, ([name, value]) => `${name}=${value}`);
  const argv =
    script.kind === "exec"
      ? script.argv
      : script.kind === "shell"
        ? withShell(stage.image, script.line)
        : // BuildKit runs the file itself; it names its interpreter.
          [`${SCRIPT_DIRECTORY}/${script.document.name}`];
  return [...(shown.length > 0 ? [`|${shown.length}`] : []), ...shown, ...argv].join(" ");
}
