import type { WireInfo } from "../../wire/system.ts";
import { bytesSize } from "./units.ts";

/** The server's half of `info`, and the lines that belong on standard error. Pure. */
export function infoText(info: WireInfo): { text: string; warnings: string[] } {
  const lines: string[] = [];
  const add = (name: string, value: string | number | boolean | undefined, indent = " ") => {
    if (value !== undefined && value !== "") lines.push(`${indent}${name}: ${value}`);
  };
  add("Containers", info.Containers);
  add("Running", info.ContainersRunning, "  ");
  add("Paused", info.ContainersPaused, "  ");
  add("Stopped", info.ContainersStopped, "  ");
  add("Images", info.Images);
  add("Server Version", info.ServerVersion);
  add("Storage Driver", info.Driver);
  for (const [name, value] of info.DriverStatus ?? []) add(name, value, "  ");
  add("Logging Driver", info.LoggingDriver);
  add("Cgroup Driver", info.CgroupDriver);
  add("Cgroup Version", info.CgroupVersion);
  lines.push(" Plugins:");
  add("Volume", info.Plugins?.Volume?.join(" "), "  ");
  add("Network", info.Plugins?.Network?.join(" "), "  ");
  add("Authorization", info.Plugins?.Authorization?.join(" "), "  ");
  add("Log", info.Plugins?.Log?.join(" "), "  ");
  add("Swarm", info.Swarm?.LocalNodeState);
  add(
    "Runtimes",
    Object.keys(info.Runtimes ?? {})
      .toSorted()
      .join(" "),
  );
  add("Default Runtime", info.DefaultRuntime);
  add("Init Binary", info.InitBinary);
  add("containerd version", info.ContainerdCommit?.ID);
  add("runc version", info.RuncCommit?.ID);
  add("init version", info.InitCommit?.ID);
  if ((info.SecurityOptions ?? []).length > 0) lines.push(" Security Options:", ...securityLines(info.SecurityOptions));
  add("Kernel Version", info.KernelVersion);
  add("Operating System", info.OperatingSystem);
  add("OSType", info.OSType);
  add("Architecture", info.Architecture);
  add("CPUs", info.NCPU);
  add("Total Memory", bytesSize(info.MemTotal));
  add("Name", info.Name);
  add("ID", info.ID);
  add("Docker Root Dir", info.DockerRootDir);
  add("Debug Mode", info.Debug);
  if (info.Debug) for (const [name, value] of debugFields(info)) add(name, value, "  ");
  add("HTTP Proxy", info.HttpProxy);
  add("HTTPS Proxy", info.HttpsProxy);
  add("No Proxy", info.NoProxy);
  if ((info.Labels ?? []).length > 0) lines.push(" Labels:", ...info.Labels.map((label) => `  ${label}`));
  add("Experimental", info.ExperimentalBuild);
  lines.push(...registryLines(info));
  add("Live Restore Enabled", info.LiveRestoreEnabled);
  for (const pool of info.DefaultAddressPools ?? []) {
    if (!lines.includes(" Default Address Pools:")) lines.push(" Default Address Pools:");
    lines.push(`   Base: ${pool.Base}, Size: ${pool.Size}`);
  }
  return { text: `${lines.join("\n")}\n\n`, warnings: info.Warnings ?? [] };
}

function debugFields(info: WireInfo): [string, string | number | undefined][] {
  return [
    ["File Descriptors", info.NFd],
    ["Goroutines", info.NGoroutines],
    ["System Time", info.SystemTime],
    ["EventsListeners", info.NEventsListener],
  ];
}

/** `name=seccomp,profile=builtin` as a name with its options below. */
function securityLines(options: readonly string[]): string[] {
  return options.flatMap((option) => {
    const pairs = option.split(",").map((field) => field.split("="));
    const name = pairs.find(([key]) => key === "name")?.[1] ?? option;
    const others = pairs
      .filter(([key]) => key !== "name")
      .map(([key, value]) => `   ${capitalised(key ?? "")}: ${value ?? ""}`);
    return [`  ${name}`, ...others];
  });
}

function capitalised(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

function registryLines(info: WireInfo): string[] {
  const config = info.RegistryConfig;
  if (config === undefined || config === null) return [];
  const insecure = Object.values(config.IndexConfigs ?? {})
    .filter((index) => !index.Secure)
    .map((index) => `  ${index.Name}`);
  const networks = (config.InsecureRegistryCIDRs ?? []).map((network) => `  ${network}`);
  const lines = insecure.length + networks.length === 0 ? [] : [" Insecure Registries:", ...insecure, ...networks];
  const mirrors = config.Mirrors ?? [];
  return mirrors.length === 0 ? lines : [...lines, " Registry Mirrors:", ...mirrors.map((mirror) => `  ${mirror}`)];
}
