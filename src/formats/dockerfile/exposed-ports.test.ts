import { expect, test } from "bun:test";
import { parseExposedPorts } from "./exposed-ports.ts";

test.each<[string, string[]]>([
  ["80", ["80/tcp"]],
  ["53/udp", ["53/udp"]],
  ["53/UDP", ["53/udp"]],
  ["5/", ["5/tcp"]],
  ["080", ["80/tcp"]],
  ["7-9/sctp", ["7/sctp", "8/sctp", "9/sctp"]],
  ["8080:80", ["80/tcp"]],
  ["127.0.0.1:8080:80/tcp", ["80/tcp"]],
  ["127.0.0.1::80", ["80/tcp"]],
  ["[::1]:8080:80", ["80/tcp"]],
  ["::1:8080:80", ["80/tcp"]],
  ["8000-8001:80-81", ["80/tcp", "81/tcp"]],
  ["8000-8009:80", ["80/tcp"]],
])("%s exposes %j", (word, ports) => {
  expect(parseExposedPorts([word])).toEqual(ports);
});

test.each([
  ["x", "invalid containerPort: x"],
  ["", 'invalid port: "": no port specified'],
  ["/tcp", 'invalid port: "/tcp": no port specified'],
  ["80/icmp", 'invalid port: "80/icmp": invalid proto: icmp'],
  ["65536", "invalid containerPort: 65536"],
  ["9-8", "invalid containerPort: 9-8"],
  ["1-65536", "invalid containerPort: 1-65536"],
  ["-1", "invalid containerPort: -1"],
  ["x:80", "invalid hostPort: x"],
  ["host:1:80", "invalid IP address: host"],
  ["1-3:80-81", "invalid ranges specified for container and host Ports: 80-81 and 1-3"],
])("%s: %s", (word, message) => {
  expect(() => parseExposedPorts([word])).toThrow(message);
});

test("a port is told once, and there is a limit to ranges", () => {
  expect(parseExposedPorts(["2-3", "1-2", "2/udp"])).toEqual(["2/tcp", "3/tcp", "1/tcp", "2/udp"]);
  expect(() => parseExposedPorts(Array.from({ length: 7 }, () => "0-65535"))).toThrow("more than 393216 ports");
});
