import { expect, test } from "bun:test";
import { parseApkInstalled, parseDpkgStatus, parseOsRelease } from "./package-lists.ts";

test("dpkg's list: what is installed, with what it was built of", () => {
  const text = `Package: bash
Status: install ok installed
Maintainer: Matthias Klose <doko@debian.org>
Architecture: amd64
Version: 5.2.15-2+b2
Source: bash (5.2.15-2)
Description: GNU Bourne Again SHell
 Version: not this one

Package: removed
Status: deinstall ok config-files
Version: 1

Package: half
Status: install reinstreq half-installed
Version: 1
`;
  expect(parseDpkgStatus(text, "/var/lib/dpkg/status")).toEqual([
    {
      type: "deb",
      name: "bash",
      version: "5.2.15-2+b2",
      architecture: "amd64",
      sourceName: "bash",
      license: "",
      supplier: "Matthias Klose <doko@debian.org>",
      path: "/var/lib/dpkg/status",
    },
  ]);
});

test("a file of status.d has no status", () => {
  expect(parseDpkgStatus("Package: base-files\nVersion: 12\n", "x")).toMatchObject([
    { name: "base-files", version: "12" },
  ]);
});

test("apk's list", () => {
  const text = `C:Q1abc=
P:musl
V:1.2.5-r0
A:x86_64
L:MIT
o:musl
m:Timo Teräs <timo.teras@iki.fi>
F:lib
R:ld-musl-x86_64.so.1
a:0:0:755

P:busybox-binsh
V:1.36.1-r29
o:busybox
`;
  expect(parseApkInstalled(text, "/lib/apk/db/installed")).toMatchObject([
    { type: "apk", name: "musl", version: "1.2.5-r0", architecture: "x86_64", license: "MIT" },
    { name: "busybox-binsh", sourceName: "busybox" },
  ]);
});

test("lists that are none are empty", () => {
  for (const text of ["", "\n\n\n", "garbage", "P\nV", "\0\0:\0"]) {
    expect(parseDpkgStatus(text, "x")).toEqual([]);
    expect(parseApkInstalled(text, "x")).toEqual([]);
  }
});

test("os-release, quoted or not", () => {
  expect(parseOsRelease(`ID=alpine\nVERSION_ID='3.20.1'\nPRETTY_NAME="Alpine Linux v3.20"\n# x\n`)).toEqual({
    id: "alpine",
    versionId: "3.20.1",
    prettyName: "Alpine Linux v3.20",
  });
  expect(parseOsRelease("")).toEqual({ id: "", versionId: "", prettyName: "" });
});
