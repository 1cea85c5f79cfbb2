import { type Command } from "../command.ts";

interface Inspected {
  NetworkSettings: { Ports: Record<string, { HostIp: string; HostPort: string }[] | null> | null };
}

export const command: Command = {
  usage: "CONTAINER [PRIVATE_PORT[/PROTO]]",
  short: "List port mappings or a specific mapping for the container",
  aliases: ["container port", "port"],
  flags: [],
  arity: { min: 1, max: 2 },
  examples: [["port web 80", "Where port 80 of `web` is to be found on this host"]],
  async run(context, flags) {
    const transport = await context.connect();
    const [name = "", wanted] = flags.arguments;
    const answer = await transport.call("GET", `/containers/${encodeURIComponent(name)}/json`);
    const ports = (await answer.json<Inspected>()).NetworkSettings.Ports ?? {};
    const join = (ip: string, port: string) => (ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`);
    if (wanted !== undefined) {
      const key = wanted.includes("/") ? wanted : `${wanted}/tcp`;
      const bindings = ports[key] ?? [];
      if (bindings.length === 0) throw new Error(`Error: No public port '${wanted}' published for ${name}`);
      await context.io.out(bindings.map((one) => `${join(one.HostIp, one.HostPort)}\n`).join(""));
      return 0;
    }
    const lines: string[] = [];
    for (const [port, bindings] of Object.entries(ports).toSorted(byPort)) {
      for (const one of bindings ?? []) lines.push(`${port} -> ${join(one.HostIp, one.HostPort)}\n`);
    }
    await context.io.out(lines.join(""));
    return 0;
  },
};

function byPort(a: [string, unknown], b: [string, unknown]): number {
  return Number.parseInt(a[0], 10) - Number.parseInt(b[0], 10) || (a[0] < b[0] ? -1 : 1);
}
