import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadPage } from "../../src/registry/page/load-page.ts";
import { runProgram } from "../harness/run-program.ts";

/** Writes path, type and tag of every file of the page. */
const PROGRAM = `
import { loadPage } from ${JSON.stringify(join(import.meta.dir, "../../src/registry/page/load-page.ts"))};
void loadPage().then((files) => {
  for (const [path, { contentType, etag }] of files) console.log(path, contentType, etag);
});
`;
/** As `scripts/build-cli.ts` builds the command. */
const BUILD = ["build", "--compile", "--bytecode", "--format=cjs", "--minify"];

test("the page is the same inside a program of its own, wherever that runs", async () => {
  const folder = mkdtempSync(join(tmpdir(), "page-program-"));
  try {
    writeFileSync(join(folder, "main.ts"), PROGRAM);
    const build = [process.execPath, ...BUILD, "--outfile", join(folder, "program"), join(folder, "main.ts")];
    expect(await runProgram(build, { cwd: folder })).toMatchObject({ code: 0 });
    rmSync(join(folder, "main.ts"));
    const { stdout } = await runProgram([join(folder, "program")], { cwd: "/" });
    const here = [...(await loadPage())]
      .map(([path, { contentType, etag }]) => `${path} ${contentType} ${etag}\n`)
      .join("");
    expect(stdout).toBe(here);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("no script or style stands in the page itself, and every address is its own", async () => {
  const files = await loadPage();
  const html = new TextDecoder().decode(files.get("/")?.body);
  const addresses = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address]) => address ?? "");
  expect(addresses.filter((address) => !files.has(address) && address !== "#/")).toEqual([]);
  expect(html).not.toMatch(/<style|style=|<script(?![^>]*src=)|\son\w+=/);
  expect(html).toContain("<noscript>");
  for (const { body } of files.values()) expect(new TextDecoder().decode(body)).not.toContain("innerHTML");
});
