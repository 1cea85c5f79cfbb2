import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { firstFiles } from "./first-files.ts";

test("the Dockerfile and its companions go along; links, directories and large files are left to the daemon", () => {
  const root = mkdtempSync(`${tmpdir()}/gantry-first-files-`);
  try {
    writeFileSync(`${root}/Dockerfile`, "FROM scratch\n");
    expect(firstFiles(root, "Dockerfile")).toEqual({
      Dockerfile: Buffer.from("FROM scratch\n").toString("base64"),
      dockerfile: null,
      "Dockerfile.dockerignore": null,
      ".dockerignore": null,
    });
    expect(firstFiles(root, "docker/Dockerfile")).toBeUndefined();
    symlinkSync("Dockerfile", `${root}/.dockerignore`);
    expect(firstFiles(root, "Dockerfile")).toBeUndefined();
    rmSync(`${root}/.dockerignore`);
    mkdirSync(`${root}/Other`);
    expect(firstFiles(root, "Other")).toBeUndefined();
    writeFileSync(`${root}/.dockerignore`, "#".repeat(65 * 1024));
    expect(firstFiles(root, "Dockerfile")).toBeUndefined();
  } finally {
    rmSync(root, { recursive: true });
  }
});
