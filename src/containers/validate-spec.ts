import { invalid, notFound } from "../base/errors.ts";
import { parseExtraHost } from "../networks/hosts-file.ts";
import { validateDns } from "../networks/resolv-conf.ts";
import type { ContainerSpec } from "./container-spec.ts";
import { parseLogOptions } from "./log-options.ts";
import { parseSignal } from "./signals.ts";

/** A hostname goes into files and a system call; 63 is what a label of DNS may have. */
const HOSTNAME = /^[a-zA-Z0-9_]([a-zA-Z0-9_.-]{0,61}[a-zA-Z0-9_])?$/;
/** One word of execve and its whole vector have limits in the kernel (MAX_ARG_STRLEN, a quarter of the stack). */
const MAX_WORD_BYTES = 128 * 1024;
const MAX_RETRIES = 1_000_000;

/** Checks that need nothing but the spec. Throws invalid-argument with Docker's texts. */
export function validateSpec(spec: ContainerSpec): void {
  validateHostnames(spec);
  validateRestart(spec);
  validateWords(spec);
  parseLogOptions(spec.log);
  if (spec.stopSignal !== undefined) parseSignal(spec.stopSignal);
  if (spec.process.workingDir !== "" && !spec.process.workingDir.startsWith("/")) {
    throw invalid(`the working directory '${spec.process.workingDir}' is invalid, it needs to be an absolute path`);
  }
  if (spec.shmSizeBytes !== undefined && spec.shmSizeBytes < 0) throw invalid("SHM size can not be less than 0");
  if (spec.oomScoreAdj < -1000 || spec.oomScoreAdj > 1000) {
    throw invalid(`Invalid value ${spec.oomScoreAdj}, range for oom score adj is [-1000, 1000]`);
  }
  for (const variable of spec.process.environment) {
    if (variable === "" || variable.startsWith("=")) throw invalid(`invalid environment variable: ${variable}`);
  }
  validateCgroupParent(spec.cgroupParent);
  validateNamespaces(spec);
}

function validateHostnames(spec: ContainerSpec): void {
  for (const name of [spec.hostname, spec.domainname]) {
    if (name !== undefined && name !== "" && !HOSTNAME.test(name)) throw invalid(`invalid hostname format: ${name}`);
  }
  const { extraHosts, dns, dnsSearch, dnsOptions } = spec.network;
  for (const entry of extraHosts) parseExtraHost(entry);
  validateDns(dns, dnsSearch, dnsOptions);
}

function validateRestart({ restart, autoRemove }: ContainerSpec): void {
  if (restart.name !== "on-failure" && restart.maximumRetryCount > 0) {
    throw invalid("invalid restart policy: maximum retry count can only be used with 'on-failure'");
  }
  if (restart.maximumRetryCount < 0) throw invalid("invalid restart policy: maximum retry count cannot be negative");
  if (restart.maximumRetryCount > MAX_RETRIES)
    throw invalid("invalid restart policy: maximum retry count is too large");
  if (autoRemove && restart.name !== "no") throw invalid("can't create 'AutoRemove' container with restart policy");
}

/** Strings that end up in execve, where a NUL would cut them short. */
function validateWords(spec: ContainerSpec): void {
  const { process } = spec;
  for (const word of [...(process.entrypoint ?? []), ...(process.command ?? []), ...process.environment]) {
    if (word.includes("\0")) throw invalid("a command or environment variable cannot contain a NUL character");
    if (Buffer.byteLength(word) >= MAX_WORD_BYTES) {
      throw invalid(`a word of the command or environment is longer than ${MAX_WORD_BYTES} bytes`);
    }
  }
  if (/[\0\n]/.test(process.user) || /[\0]/.test(process.workingDir)) {
    throw invalid("a user or working directory cannot contain control characters");
  }
}

const MODES: Record<string, string[]> = {
  pid: ["", "host"],
  ipc: ["", "host", "private", "shareable", "none"],
  uts: ["", "host"],
  user: ["", "host"],
  cgroup: ["", "host", "private"],
};

function validateNamespaces({ namespaces, network, hostname }: ContainerSpec): void {
  for (const [kind, mode] of Object.entries(namespaces)) {
    const joinable = kind === "pid" || kind === "ipc";
    if (joinable && mode.startsWith("container:")) {
      if (mode.length === "container:".length) throw invalid(`invalid ${kind === "pid" ? "PID" : "IPC"} mode: ${mode}`);
    } else if (!MODES[kind]?.includes(mode)) {
      throw invalid(
        `invalid ${kind === "pid" || kind === "ipc" || kind === "uts" ? kind.toUpperCase() : kind} mode: ${mode}`,
      );
    }
  }
  if (network.mode === "container" || network.mode === "container:") {
    throw invalid("invalid network mode: invalid container format container:<name|id>");
  }
  if (network.mode.startsWith("container:")) {
    if (hostname !== undefined && hostname !== "") {
      throw invalid("conflicting options: hostname and the network mode");
    }
    if (network.portBindings.length > 0 || network.publishAll) {
      throw invalid("conflicting options: port publishing and the container type network mode");
    }
    if (network.extraHosts.length > 0) {
      throw invalid("conflicting options: custom host-to-IP mapping and the network mode");
    }
    if (network.dns.length > 0) throw invalid("conflicting options: dns and the network mode");
  }
  if (namespaces.uts === "host" && hostname !== undefined && hostname !== "") {
    throw invalid("conflicting options: hostname and the UTS mode");
  }
}

/** A container that another one leans on (`container:x`) must exist when it is made. */
export function joinedReferences(spec: ContainerSpec): string[] {
  return [spec.network.mode, spec.namespaces.pid, spec.namespaces.ipc]
    .filter((mode) => mode.startsWith("container:"))
    .map((mode) => mode.slice("container:".length));
}

export function requireJoined(spec: ContainerSpec, exists: (reference: string) => boolean): void {
  for (const reference of joinedReferences(spec)) if (!exists(reference)) throw notFound("container", reference);
}

/** It names a directory below the hierarchies' roots, and no other. Throws invalid-argument. */
export function validateCgroupParent(parent: string): void {
  if (parent.split("/").some((name) => name === ".." || name === ".") || /[\0\n]/.test(parent)) {
    throw invalid(`invalid cgroup parent: ${parent}`);
  }
}
