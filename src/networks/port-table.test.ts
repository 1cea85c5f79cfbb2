import { expect, test } from "bun:test";
import { SystemError } from "../kernel/errno.ts";
import type { PortBinding } from "./networks.ts";
import { PortTable } from "./port-table.ts";

const EADDRINUSE = 98;
const LOOPBACK = 0x7f000001;

/** Ports of `busy` belong to other programs. */
function table(busy: number[] = []): PortTable {
  const kernel = {
    reserve(_: string, __: Uint8Array, port: number) {
      if (busy.includes(port)) throw new SystemError("bind", EADDRINUSE);
      return port;
    },
    close: () => undefined,
  };
  return new PortTable(kernel, { first: 100, last: 103 });
}

function binding(first: number, last = first): PortBinding {
  return { containerPort: 80, protocol: "tcp", hostIp: "", hostPortFirst: first, hostPortLast: last };
}

test("a port of another container is refused on the same and on every address", () => {
  const ports = table();
  ports.reserve(binding(80), LOOPBACK);
  expect(() => ports.reserve(binding(80), LOOPBACK)).toThrow("Bind for 127.0.0.1:80 failed: port is already allocated");
  expect(() => ports.reserve(binding(80), 0)).toThrow("Bind for 0.0.0.0:80 failed: port is already allocated");
  ports.reserve(binding(80), LOOPBACK + 1);
  ports.reserve({ ...binding(80), protocol: "udp" }, 0);
});

test("a port of another program is refused in the kernel's words", () =>
  expect(() => table([80]).reserve(binding(80), 0)).toThrow(
    "failed to bind host port 0.0.0.0:80/tcp: address already in use",
  ));

test("a range gives its first free port, then none", () => {
  const ports = table([91]);
  expect([ports.reserve(binding(90, 92), 0).port, ports.reserve(binding(90, 92), 0).port]).toEqual([90, 92]);
  expect(() => ports.reserve(binding(90, 92), 0)).toThrow("all ports are allocated");
});

test("port 0 goes round the dynamic range", () => {
  const ports = table([101]);
  const first = ports.reserve(binding(0), 0);
  expect(first.port).toBe(100);
  expect(ports.reserve(binding(0), 0).port).toBe(102);
  ports.release(first);
  expect([ports.reserve(binding(0), 0).port, ports.reserve(binding(0), 0).port]).toEqual([103, 100]);
  expect(() => ports.reserve(binding(0), 0)).toThrow("all ports are allocated");
});

test("an adopted port is taken until it is released", () => {
  const ports = table();
  ports.adopt("tcp", 0, 80);
  expect(() => ports.reserve(binding(80), 0)).toThrow("already allocated");
  ports.release({ protocol: "tcp", address: 0, port: 80 });
  expect(ports.reserve(binding(80), 0).port).toBe(80);
});
