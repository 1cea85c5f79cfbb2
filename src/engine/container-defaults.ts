import { readFileSync } from "node:fs";
import { invalid } from "../base/errors.ts";
import type { ContainersDeps } from "../containers/deps.ts";
import { validateDns } from "../networks/resolv-conf.ts";
import type { DaemonConfig } from "./daemon-config.ts";

const UNITS: Record<string, number> = { "": 1, b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

/** What the daemon's configuration says about containers that do not say otherwise. Throws invalid-argument. */
export function containerDefaults(config: DaemonConfig): ContainersDeps["defaults"] {
  const { dns, dnsOptions, dnsSearch } = config;
  validateDns(dns, dnsSearch, dnsOptions);
  const profile = config.seccompProfile;
  return {
    cgroupParent: config.cgroupParent,
    init: config.init,
    runtime: "gantry",
    dns: { servers: dns, options: dnsOptions, search: dnsSearch },
    shmSizeBytes: parseSize(config.defaultShmSize),
    ulimits: config.defaultUlimits.map(parseUlimit),
    log: { driver: config.logDriver, options: config.logOptions },
    securityOptions: [
      ...(config.noNewPrivileges ? ["no-new-privileges"] : []),
      ...(profile === "" || profile === "builtin" ? [] : [`seccomp=${profileText(profile)}`]),
    ],
  };
}

function profileText(profile: string): string {
  return profile === "unconfined" ? profile : readFileSync(profile, "utf8");
}

function parseSize(text: string): number {
  const match = /^(\d+)\s*([bkmg]?)b?$/i.exec(text);
  const unit = UNITS[(match?.[2] ?? "").toLowerCase()];
  if (match === null || unit === undefined) throw invalid(`invalid size for default-shm-size: '${text}'`);
  return Number(match[1]) * unit;
}

/** `nofile=1024:2048` or `nofile=1024`. */
function parseUlimit(text: string): { name: string; soft: number; hard: number } {
  const match = /^([a-z]+)=(-?\d+)(?::(-?\d+))?$/.exec(text);
  if (match === null) throw invalid(`invalid ulimit argument: ${text}`);
  const [, name = "", soft = "", hard = soft] = match;
  return { name, soft: Number(soft), hard: Number(hard) };
}
