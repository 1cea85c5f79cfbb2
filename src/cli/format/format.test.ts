import { describe, expect, test } from "bun:test";
import { containerLayout, containerRow, type ListedContainer } from "./container-rows.ts";
import { imageLayout, imageRows } from "./image-rows.ts";
import { formatList } from "./list-format.ts";
import { formatPorts } from "./ports.ts";
import { parseTimestamp } from "./timestamp.ts";
import { bytesSize, humanDuration, humanSize } from "./units.ts";

const NOW = new Date("2024-05-01T12:00:00Z");
const SECONDS = NOW.getTime() / 1000;

const WEB: ListedContainer = {
  Id: "aaaaaaaaaabc".padEnd(64, "0"),
  Names: ["/web", "/other/alias"],
  Image: "nginx:1",
  ImageID: `sha256:${"d".repeat(64)}`,
  Command: "/docker-entrypoint.sh nginx -g daemon off;",
  Created: SECONDS - 100,
  Ports: [
    { IP: "0.0.0.0", PrivatePort: 80, PublicPort: 80, Type: "tcp" },
    { IP: "0.0.0.0", PrivatePort: 81, PublicPort: 81, Type: "tcp" },
    { IP: "::", PrivatePort: 80, PublicPort: 80, Type: "tcp" },
    { PrivatePort: 443, Type: "tcp" },
    { IP: "127.0.0.1", PrivatePort: 9000, PublicPort: 8000, Type: "udp" },
  ],
  Labels: { b: "2", a: "1" },
  State: "running",
  Status: "Up About a minute",
  NetworkSettings: { Networks: { bridge: {} } },
  Mounts: [{ Type: "volume", Name: "abcdefghijklmnopqrstuvwxyz", Driver: "local" }],
};
const OLD: ListedContainer = {
  ...WEB,
  Id: "b".repeat(64),
  Names: ["/old"],
  Image: "d".repeat(64),
  Command: "sh",
  Created: SECONDS - 3 * 86400,
  Ports: [],
  Status: "Exited (0) 2 days ago",
};

function ps(format: string, quiet = false, noTrunc = false): string {
  const rows = [WEB, OLD].map((container) => containerRow(container, { noTrunc, now: NOW }));
  return formatList(containerLayout(false), rows, { format, quiet });
}

describe("ps", () => {
  test("is the table that the docker client prints", () => {
    const ports = "0.0.0.0:80-81->80-81/tcp, [::]:80->80/tcp, 443/tcp, 127.0.0.1:8000->9000/udp";
    expect(ps("").split("\n")).toEqual([
      `CONTAINER ID   IMAGE          COMMAND                  CREATED              STATUS                  ${"PORTS".padEnd(ports.length)}   NAMES`,
      `aaaaaaaaaabc   nginx:1        "/docker-entrypoint.…"   About a minute ago   Up About a minute       ${ports}   web`,
      `bbbbbbbbbbbb   dddddddddddd   "sh"                     3 days ago           Exited (0) 2 days ago   ${" ".repeat(ports.length)}   old`,
      "",
    ]);
  });

  test("-q is the IDs", () => {
    expect(ps("", true)).toBe("aaaaaaaaaabc\nbbbbbbbbbbbb\n");
    expect(ps("", true, true)).toContain("b".repeat(64));
  });

  test("a template makes a line for each", () => {
    expect(ps('{{.Names}} {{.Label "a"}} {{.Labels}} {{.Mounts}}')).toBe(
      "web 1 a=1,b=2 abcdefghijklmn…\nold 1 a=1,b=2 abcdefghijklmn…\n",
    );
  });

  test("table templates have headings, whatever is done to the values", () => {
    expect(ps('table {{.Names | upper}}\\t{{truncate .Image 3}}\\t{{.Label "a.some-name"}}')).toBe(
      "NAMES     IMAGE     some name\nWEB       ngi       \nOLD       ddd       \n",
    );
  });

  test("json is a sorted object a line, escaped as Go's", () => {
    const first = ps("json").split("\n")[0] ?? "";
    expect(Object.keys(JSON.parse(first) as object)).toEqual(Object.keys(JSON.parse(first) as object).toSorted());
    expect(first).toContain('"Ports":"0.0.0.0:80-81-\\u003e80-81/tcp');
  });

  test("a wrong template is told in Docker's words", () => {
    const type = "*formatter.ContainerContext";
    expect(() => ps("{{.Foo}}")).toThrow(
      `failed to execute template: template: :1:2: executing "" at <.Foo>: can't evaluate field Foo in type ${type}`,
    );
    expect(() => ps("{{.Names")).toThrow("failed to parse template: template: :1: unclosed action");
  });
});

test("images has a line for each name, and for those without", () => {
  const image = { ParentId: "", SharedSize: -1, Containers: -1, Created: SECONDS - 40 * 86400, Size: 123456789 };
  const images = [
    { ...image, Id: `sha256:${"d".repeat(64)}`, RepoTags: ["nginx:1", "host:5000/x:y"], RepoDigests: null },
    { ...image, Id: `sha256:${"c".repeat(64)}`, RepoTags: [], RepoDigests: [] },
  ];
  const rows = images.flatMap((one) => imageRows(one, { noTrunc: false, digests: false, now: NOW }));
  expect(formatList(imageLayout(false), rows, { format: "", quiet: false })).toBe(
    [
      "REPOSITORY    TAG       IMAGE ID       CREATED       SIZE",
      "nginx         1         dddddddddddd   5 weeks ago   123MB",
      "host:5000/x   y         dddddddddddd   5 weeks ago   123MB",
      "<none>        <none>    cccccccccccc   5 weeks ago   123MB",
      "",
    ].join("\n"),
  );
});

test("ports of another number stand at the end, neighbours are a range", () => {
  const tcp = (port: number) => ({ PrivatePort: port, Type: "tcp" });
  expect(formatPorts([tcp(3), tcp(1), tcp(2), tcp(5)])).toBe("1-3/tcp, 5/tcp");
});

test.each([
  [0, "0B"],
  [999, "999B"],
  [1234567, "1.235MB"],
  [1e9, "1GB"],
])("%d bytes are %s", (bytes, text) => {
  expect(humanSize(bytes)).toBe(text);
});

test("memory is told in powers of 1024", () => {
  expect(bytesSize(1610612736)).toBe("1.5GiB");
});

test.each([
  [0.5, "Less than a second"],
  [1, "1 second"],
  [59, "59 seconds"],
  [60, "About a minute"],
  [119, "About a minute"],
  [120, "2 minutes"],
  [3600, "About an hour"],
  [47 * 3600, "47 hours"],
  [48 * 3600, "2 days"],
  [14 * 86400, "2 weeks"],
  [61 * 86400, "2 months"],
  [800 * 86400, "2 years"],
])("%d seconds are %s", (seconds, text) => {
  expect(humanDuration(seconds * 1000)).toBe(text);
});

test("--since takes durations, dates and seconds", () => {
  expect(parseTimestamp("5m", NOW)).toBe(`${SECONDS - 300}.000000000`);
  expect(parseTimestamp("2024-05-01T12:00:00.5Z", NOW)).toBe(`${SECONDS}.500000000`);
  expect(parseTimestamp("1714557600", NOW)).toBe("1714557600");
  expect(() => parseTimestamp("x", NOW)).toThrow("failed to parse value as time or duration");
});
