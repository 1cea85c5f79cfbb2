import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { gantry } from "../cli/gantry.ts";
import { startDockerd, whyNoDockerd } from "../harness/dockerd.ts";

const reason = whyNoDockerd();
const name =
  "our command builds on Debian's dockerd, with its ignore file, its labels and a Dockerfile from standard input";

test.skipIf(reason !== undefined)(reason === undefined ? name : `${name} (skipped: ${reason})`, async () => {
  await using dockerd = await startDockerd({ name: "clibuild" });
  const context = `${dockerd.directory}/context`;
  mkdirSync(`${context}/sub`, { recursive: true });
  writeFileSync(`${context}/Dockerfile`, "FROM scratch\nARG V\nLABEL v=$V\nCOPY . /files/\n");
  writeFileSync(`${context}/.dockerignore`, "secret\nDockerfile\n");
  for (const file of ["secret", "sub/kept"]) writeFileSync(`${context}/${file}`, file);
  const host = `unix://${dockerd.socket}`;
  const built = await gantry(host, [
    "build",
    "-t",
    "a:1",
    "-t",
    "a:2",
    "--build-arg",
    "V=7",
    "--iidfile",
    `${dockerd.directory}/id`,
    context,
  ]);
  expect([built.code, built.err]).toEqual([0, ""]);
  expect(built.out).toContain("Step 4/4 : COPY . /files/");
  const id = readFileSync(`${dockerd.directory}/id`, "utf8");
  const { out } = await gantry(host, ["image", "inspect", "a:2"]);
  expect(JSON.parse(out)).toMatchObject([{ Id: id, Config: { Labels: { v: "7" } }, RepoTags: ["a:1", "a:2"] }]);
  const saved = await gantry(host, ["save", "-o", `${dockerd.directory}/a.tar`, "a:1"]);
  expect(saved.code).toBe(0);
  const layers = Bun.spawnSync(
    ["sh", "-c", `mkdir x && cd x && tar xf ../a.tar && for l in */layer.tar; do tar tf $l; done`],
    { cwd: dockerd.directory },
  );
  expect(layers.stdout.toString().trim().split("\n").toSorted()).toEqual([
    "files/",
    "files/.dockerignore",
    "files/sub/",
    "files/sub/kept",
  ]);
  const quiet = await gantry(host, ["build", "-q", "-f", "-", context], { stdin: "FROM scratch\nCOPY sub /\n" });
  expect([quiet.code, quiet.out]).toEqual([0, expect.stringMatching(/^sha256:[0-9a-f]{64}\n$/)]);
  const failed = await gantry(host, ["build", "-f", "-", context], { stdin: "FROM scratch\nCOPY missing /\n" });
  expect([failed.code, failed.err]).toEqual([1, expect.stringContaining("missing")]);
});
