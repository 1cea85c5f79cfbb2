import type { Flag } from "./flags/flag-set.ts";
import { BOOL, LIST, STRING } from "./flags/flag-types.ts";

/** Flags before the verb, as Docker's. */
export function globalFlags(configDir: string): Flag[] {
  return [
    { name: "config", type: STRING, usage: "Location of client config files", default: configDir },
    {
      name: "context",
      short: "c",
      type: STRING,
      usage:
        'Name of the context to use to connect to the daemon (overrides DOCKER_HOST env var and default context set with "docker context use")',
    },
    { name: "debug", short: "D", type: BOOL, usage: "Enable debug mode" },
    { name: "host", short: "H", type: LIST, usage: "Daemon socket to connect to" },
    {
      name: "log-level",
      short: "l",
      type: STRING,
      usage: 'Set the logging level ("debug", "info", "warn", "error", "fatal")',
      default: "info",
    },
    { name: "tls", type: BOOL, usage: "Use TLS; implied by --tlsverify" },
    { name: "tlscacert", type: STRING, usage: "Trust certs signed only by this CA" },
    { name: "tlscert", type: STRING, usage: "Path to TLS certificate file" },
    { name: "tlskey", type: STRING, usage: "Path to TLS key file" },
    { name: "tlsverify", type: BOOL, usage: "Use TLS and verify the remote" },
    { name: "version", short: "v", type: BOOL, usage: "Print version information and quit" },
  ];
}
