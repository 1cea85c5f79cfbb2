import { invalid } from "../base/errors.ts";

export interface SecurityOptions {
  noNewPrivileges: boolean;
  /** `builtin` (also when nothing is said), `unconfined`, or the text of a profile. */
  seccomp: "builtin" | "unconfined" | { profile: string };
  apparmor?: string;
  /** SELinux label options, `disable` included; kept for inspect, without effect on hosts without SELinux. */
  labels: string[];
  unconfinedSystemPaths: boolean;
  writableCgroups: boolean;
}

const TRUE = new Set(["1", "t", "T", "TRUE", "true", "True"]);
const FALSE = new Set(["0", "f", "F", "FALSE", "false", "False"]);

/** Docker's `--security-opt` list. The last of a kind wins. Throws invalid-argument in Docker's words. */
export function parseSecurityOptions(options: readonly string[]): SecurityOptions {
  const result: SecurityOptions = {
    noNewPrivileges: false,
    seccomp: "builtin",
    labels: [],
    unconfinedSystemPaths: false,
    writableCgroups: false,
  };
  for (const option of options) applyOption(result, option);
  return result;
}

function applyOption(result: SecurityOptions, option: string): void {
  const [key, value] = split(option);
  switch (key) {
    case "no-new-privileges":
      result.noNewPrivileges = value === undefined || parseFlag(value, option);
      return;
    case "writable-cgroups":
      result.writableCgroups = value === undefined || parseFlag(value, option);
      return;
    case "disable":
      if (value !== undefined) break;
      result.labels.push("disable");
      return;
    case "label":
      result.labels.push(requireValue(value, option));
      return;
    case "apparmor":
      result.apparmor = requireValue(value, option);
      return;
    case "seccomp":
      result.seccomp = seccompOf(requireValue(value, option));
      return;
    case "systempaths":
      if (value !== "unconfined") break;
      result.unconfinedSystemPaths = true;
      return;
    default:
      requireValue(value, option);
  }
  throw invalid(`invalid --security-opt 2: ${JSON.stringify(option)}`);
}

/** `key=value`; the older `key:value` only where there is no `=`, so that a seccomp profile's colons stay its own. */
function split(option: string): [key: string, value: string | undefined] {
  const separator = option.includes("=") ? "=" : ":";
  const index = option.indexOf(separator);
  return index < 0 ? [option, undefined] : [option.slice(0, index), option.slice(index + 1)];
}

function requireValue(value: string | undefined, option: string): string {
  if (value === undefined) throw invalid(`invalid --security-opt 1: ${JSON.stringify(option)}`);
  return value;
}

function parseFlag(value: string, option: string): boolean {
  if (TRUE.has(value)) return true;
  if (FALSE.has(value)) return false;
  throw invalid(`invalid --security-opt 2: ${JSON.stringify(option)}`);
}

function seccompOf(value: string): SecurityOptions["seccomp"] {
  if (value === "unconfined") return "unconfined";
  if (value === "builtin" || value === "") return "builtin";
  return { profile: value };
}
