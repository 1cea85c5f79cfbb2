import { expect, test } from "bun:test";
import type { ListedContainer } from "./container-rows.ts";
import { type DiskUsage, usageRows, usageSummaries } from "./disk-usage-rows.ts";
import { detailText, formatDetails } from "./disk-usage-text.ts";

const IMAGE = { Id: `sha256:${"a".repeat(64)}`, RepoTags: ["x:1"], RepoDigests: null, Created: 0 };
const container = (State: string, SizeRw: number): ListedContainer => ({
  Id: "c".repeat(64),
  Names: [`/${State}`],
  Image: "x:1",
  ImageID: IMAGE.Id,
  Command: "sh",
  Created: 0,
  Ports: [],
  SizeRw,
  SizeRootFs: 1_000_000,
  Labels: {},
  State,
  Status: "Up",
});
const OLD: DiskUsage = {
  LayersSize: 1_234_567,
  Images: [{ ...IMAGE, Size: 1_000_000, SharedSize: 0, Containers: 1 }],
  Containers: [container("running", 5), container("exited", 5)],
  Volumes: [
    { Name: "v", UsageData: { Size: 12, RefCount: 0 } },
    { Name: "w", UsageData: null },
  ],
  BuildCache: null,
};

function lines(usage: DiskUsage): unknown[][] {
  return usageRows(usageSummaries(usage)).map((row) =>
    ["Type", "TotalCount", "Active", "Size", "Reclaimable"].map((key) => row[key]),
  );
}

test("what is in use is not reclaimable", () => {
  expect(lines(OLD)).toEqual([
    ["Images", "1", "1", "1.235MB", "234.6kB (18%)"],
    ["Containers", "2", "1", "10B", "5B (50%)"],
    ["Local Volumes", "2", "0", "12B", "12B (100%)"],
    ["Build Cache", "0", "0", "0B", "0B"],
  ]);
});

test("a daemon's own sums are taken before its lists", () => {
  const ImageUsage = { ActiveCount: 2, TotalCount: 3, Reclaimable: 500, TotalSize: 2000 };
  expect(lines({ ...OLD, ImageUsage })[0]).toEqual(["Images", "3", "2", "2kB", "500B (25%)"]);
});

test("the verbose view has Docker's tables, and ours with every directory", () => {
  const Gantry = {
    TotalBytes: 1234567,
    Directories: [{ Path: "/data/records", Purpose: "records", Bytes: 1234567, Entries: 3 }],
  };
  expect(detailText({ ...OLD, Gantry }, new Date(60_000)).split("\n")).toEqual([
    "Images space usage:",
    "",
    "REPOSITORY   TAG       IMAGE ID       CREATED   SIZE      SHARED SIZE   UNIQUE SIZE   CONTAINERS",
    "x            1         aaaaaaaaaaaa   N/A       1MB       0B            1MB           1",
    "",
    "Containers space usage:",
    "",
    "CONTAINER ID   IMAGE     COMMAND   LOCAL VOLUMES   SIZE      CREATED              STATUS    NAMES",
    'cccccccccccc   x:1       "sh"      0               5B        About a minute ago   Up        running',
    'cccccccccccc   x:1       "sh"      0               5B        About a minute ago   Up        exited',
    "",
    "Local Volumes space usage:",
    "",
    "VOLUME NAME   LINKS     SIZE",
    "v             0         12B",
    "w             N/A       N/A",
    "",
    "Build cache usage: 0B",
    "",
    "CACHE ID   CACHE TYPE   SIZE      CREATED   LAST USED   USAGE     SHARED",
    "",
    "Directories of the engine: 1234567 bytes",
    "",
    "PATH            ENTRIES   BYTES     PURPOSE",
    "/data/records   3         1234567   records",
    "",
  ]);
});

test("the verbose view takes a template and json", () => {
  expect(formatDetails("{{range .Volumes}}{{.Name}}={{.Size}} {{end}}", OLD, new Date())).toBe("v=12B w=N/A \n");
  const parsed = JSON.parse(formatDetails("json", OLD, new Date())) as { Images: { ID: string }[] };
  expect(parsed.Images[0]?.ID).toBe("aaaaaaaaaaaa");
});
