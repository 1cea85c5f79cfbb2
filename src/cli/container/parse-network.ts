import { splitCsv } from "../../base/csv.ts";
import { isIP } from "./ip-address.ts";

/** One `--network`: a plain name, or fields of the endpoint. */
export interface NetworkAttachment {
  target: string;
  aliases: string[];
  driverOptions: Record<string, string>;
  ipv4: string;
  ipv6: string;
  linkLocalIps: string[];
  macAddress: string;
  gatewayPriority: number;
}

/** `bridge`, `container:x`, or `name=n,alias=a,ip=…,ip6=…,mac-address=…,driver-opt=k=v,link-local-ip=…,gw-priority=…`. */
export function parseNetwork(text: string): NetworkAttachment {
  const attachment: NetworkAttachment = {
    target: "",
    aliases: [],
    driverOptions: {},
    ipv4: "",
    ipv6: "",
    linkLocalIps: [],
    macAddress: "",
    gatewayPriority: 0,
  };
  if (!/^\w+(-\w+)*=/.test(text)) return { ...attachment, target: text };
  for (const field of splitCsv(text)) {
    const equals = field.indexOf("=");
    if (equals <= 0) throw new Error(`invalid field ${field}`);
    applyField(attachment, field.slice(0, equals).trim().toLowerCase(), field.slice(equals + 1).trim());
  }
  if (attachment.target === "") throw new Error("network name/id is not specified");
  return attachment;
}

function applyField(attachment: NetworkAttachment, key: string, value: string): void {
  const fields: Record<string, () => void> = {
    name: () => void (attachment.target = value),
    alias: () => void attachment.aliases.push(value),
    ip: () => void (attachment.ipv4 = value),
    ip6: () => void (attachment.ipv6 = value),
    "mac-address": () => void (attachment.macAddress = checkMacAddress(value)),
    "link-local-ip": () => void attachment.linkLocalIps.push(value),
    "driver-opt": () => {
      const equals = value.indexOf("=");
      if (equals <= 0) throw new Error("invalid key value pair format in driver options");
      attachment.driverOptions[value.slice(0, equals)] = value.slice(equals + 1);
    },
    "gw-priority": () => {
      if (!/^-?\d+$/.test(value))
        throw new Error(
          `invalid gw-priority (${value}): strconv.Atoi: parsing ${JSON.stringify(value)}: invalid syntax`,
        );
      attachment.gatewayPriority = Number(value);
    },
  };
  const apply = fields[key];
  if (apply === undefined) throw new Error(`invalid field key ${key}`);
  apply();
}

export function checkMacAddress(text: string): string {
  if (!/^([0-9a-f]{2}[:-]){5}[0-9a-f]{2}$/i.test(text.trim())) throw new Error(`${text} is not a valid mac address`);
  return text.trim();
}

export function checkIpAddress(text: string): void {
  if (isIP(text.trim()) === 0) throw new Error(`IP address is not correctly formatted: ${text}`);
}

export function checkDnsSearch(text: string): void {
  if (text.trim() === ".") return;
  if (!/^([a-zA-Z0-9]([\w-]*[a-zA-Z0-9])?\.?)+$/.test(text.trim()) || text.length > 255) {
    throw new Error(`${text} is not a valid domain`);
  }
}

/** `host:ip` or `host=ip`; ip may be `host-gateway`. */
export function checkExtraHost(text: string): void {
  const match = /^([^:=]+)[:=](.+)$/.exec(text);
  if (match === null) throw new Error(`bad format for add-host: ${JSON.stringify(text)}`);
  const address = (match[2] ?? "").replace(/^\[(.*)\]$/, "$1");
  if (address !== "host-gateway" && isIP(address) === 0)
    throw new Error(`invalid IP address in add-host: ${JSON.stringify(match[2])}`);
}

export function checkLink(text: string): void {
  if (text === "") throw new Error("empty string specified for links");
  if (text.split(":").length > 2) throw new Error(`bad format for links: ${text}`);
}

export function checkSysctl(text: string): void {
  const [name = "", value] = [text.split("=")[0], text.includes("=") ? text : undefined];
  const kernel = [
    "kernel.msgmax",
    "kernel.msgmnb",
    "kernel.msgmni",
    "kernel.sem",
    "kernel.shmall",
    "kernel.shmmax",
    "kernel.shmmni",
    "kernel.shm_rmid_forced",
  ];
  const allowed = kernel.includes(name) || name.startsWith("net.") || name.startsWith("fs.mqueue.");
  if (value === undefined || !allowed) throw new Error(`sysctl '${text}' is not allowed`);
}

export function checkLabel(text: string): void {
  if (text === "" || text.startsWith("=")) throw new Error(`invalid label '${text}': empty name`);
}

export function checkEnvironment(text: string): void {
  if (text === "" || text.startsWith("=")) throw new Error(`invalid environment variable: ${text}`);
}

export function checkAttach(text: string): void {
  if (!["stdin", "stdout", "stderr"].includes(text.toLowerCase())) {
    throw new Error("valid streams are STDIN, STDOUT and STDERR");
  }
}
