export interface ListedPort {
  IP?: string;
  PrivatePort: number;
  PublicPort?: number;
  Type: string;
}

/** Docker's DisplayablePorts: `0.0.0.0:80-81->80-81/tcp, [::]:80->80/tcp, 443/tcp`; neighbouring ports are one range. */
export function formatPorts(ports: readonly ListedPort[]): string {
  const sorted = ports.toSorted(comparePorts);
  const groups = new Map<string, { first: number; last: number }>();
  const mapped: string[] = [];
  const result: string[] = [];
  const order: string[] = [];
  for (const port of sorted) {
    const current = port.PrivatePort;
    let key = port.Type;
    if (port.IP !== undefined && port.IP !== "") {
      if ((port.PublicPort ?? 0) !== current) {
        mapped.push(`${joinHostPort(port.IP, port.PublicPort ?? 0)}->${current}/${port.Type}`);
        continue;
      }
      key = `${port.IP}/${port.Type}`;
    }
    const group = groups.get(key);
    if (group === undefined) {
      groups.set(key, { first: current, last: current });
      order.push(key);
    } else if (current === group.last + 1) group.last = current;
    else {
      result.push(formGroup(key, group.first, group.last));
      groups.set(key, { first: current, last: current });
    }
  }
  for (const key of order) {
    const group = groups.get(key);
    if (group !== undefined) result.push(formGroup(key, group.first, group.last));
  }
  return [...result, ...mapped].join(", ");
}

function formGroup(key: string, first: number, last: number): string {
  const slash = key.lastIndexOf("/");
  const type = key.slice(slash + 1);
  const range = first === last ? String(first) : `${first}-${last}`;
  return slash < 0 ? `${range}/${type}` : `${joinHostPort(key.slice(0, slash), range)}->${range}/${type}`;
}

function joinHostPort(ip: string, port: number | string): string {
  return ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
}

function comparePorts(a: ListedPort, b: ListedPort): number {
  return (
    a.PrivatePort - b.PrivatePort ||
    compareText(a.IP ?? "", b.IP ?? "") ||
    (a.PublicPort ?? 0) - (b.PublicPort ?? 0) ||
    compareText(a.Type, b.Type)
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
