import { expect, test } from "bun:test";
import { parseHostsToml } from "./hosts-toml.ts";

function check(text: string): string {
  try {
    const { hosts, server } = parseHostsToml(text, "hosts.toml");
    const show = (entry: (typeof hosts)[number]) =>
      [
        entry.base,
        [...entry.capabilities].join("+"),
        entry.insecure ? "insecure" : "",
        ...entry.caFiles,
        entry.clientFiles?.cert ?? "",
        entry.clientFiles?.key ?? "",
        JSON.stringify(entry.headers),
      ]
        .filter((part) => part !== "" && part !== "{}")
        .join(" ");
    return [...hosts.map(show), ...(server === undefined ? [] : [`server ${show(server)}`])].join(" | ");
  } catch (error) {
    return (error as Error).message;
  }
}

test.each<[string, string]>([
  ["", ""],
  [
    'server = "https://registry-1.docker.io"\n[host."http://mirror:5000"]\ncapabilities = ["pull", "resolve"]',
    "http://mirror:5000/v2 pull+resolve | server https://registry-1.docker.io/v2 resolve+pull+push",
  ],
  ['[host."mirror.example/prefix"]', "https://mirror.example/prefix/v2 resolve+pull+push"],
  ['[host."https://m/x/y"]\noverride_path = true', "https://m/x/y resolve+pull+push"],
  ['[host."https://m/v2"]\nskip_verify = true', "https://m/v2 resolve+pull+push insecure"],
  ['[host."https://m"]\nca = "ca.crt"', "https://m/v2 resolve+pull+push ca.crt"],
  ['[host."https://m"]\nclient = [["c.pem", "k.pem"]]', "https://m/v2 resolve+pull+push c.pem k.pem"],
  ['[host."https://m"]\nclient = "both.pem"', "https://m/v2 resolve+pull+push both.pem"],
  ['[host."https://m".header]\nx-a = ["1", "2"]', 'https://m/v2 resolve+pull+push {"x-a":"1, 2"}'],
  ['[host."https://m"]\ncapabilities = ["dance"]', 'hosts.toml: "https://m": unknown capability "dance"'],
  ['[host."https://u:p@m"]', 'hosts.toml: "https://u:p@m": must hold no credentials: use a header'],
  ['[host."https://m?x"]', 'hosts.toml: "https://m?x": must have no query or fragment'],
  ["server = 5", "hosts.toml: server is not a string"],
])("%s", (text, expected) => {
  expect(check(text)).toBe(expected);
});

test("what is no TOML is refused with the file's name", () => {
  expect(check("[[[")).toStartWith("hosts.toml: ");
});
