import { expect, test } from "bun:test";
import { capabilityNames, resolveCapabilities } from "./capabilities.ts";

const ALL_BITS = (1n << 41n) - 1n;

function check(
  request: { privileged?: boolean; add?: string[]; drop?: string[]; bounding?: bigint },
  expected: string,
): void {
  const { granted, missing } = resolveCapabilities(
    { privileged: request.privileged ?? false, capAdd: request.add ?? [], capDrop: request.drop ?? [] },
    request.bounding ?? ALL_BITS,
  );
  expect([granted.toString(16), ...missing].join(" ")).toBe(expected);
}

test("attack 14: the default set is Docker's, bit for bit", () => check({}, "a80425fb"));

test("a privileged container has all that the daemon may give", () => {
  check({ privileged: true }, "1ffffffffff");
  check({ privileged: true, bounding: 0x1fffeffffffn }, "1fffeffffff");
});

test("adding and dropping follow Docker's rules", () => {
  check({ drop: ["ALL"] }, "0");
  check({ drop: ["all"], add: ["net_bind_service"] }, "400");
  check({ drop: ["CAP_MKNOD", "net_raw"] }, "a00405fb");
  check({ add: ["SYS_ADMIN"] }, "a82425fb");
  check({ add: ["ALL"], drop: ["SYS_ADMIN"] }, "1ffffdfffff");
  check({ add: ["ALL"], drop: ["ALL"] }, "1ffffffffff");
});

test("a capability that the daemon lacks is named, not granted", () => {
  check({ add: ["SYS_RESOURCE"], bounding: 0x1fffeffffffn }, "a80425fb CAP_SYS_RESOURCE");
});

test("unknown names are refused in Docker's words", () => {
  expect(() => check({ add: ["nope"] }, "")).toThrow('invalid CapAdd: unknown capability: "CAP_NOPE"');
  expect(() => check({ drop: ["CAP_"] }, "")).toThrow('invalid CapDrop: unknown capability: "CAP_"');
});

test("capabilityNames() names bits in order", () =>
  expect(capabilityNames(0x401n)).toEqual(["CAP_CHOWN", "CAP_NET_BIND_SERVICE"]));
