import { expect, test } from "bun:test";
import { checkPropagation, type SourceMount, sharesMounts } from "./propagation.ts";
import type { StoredMount } from "./record.ts";

const bind = (propagation: string) => ({ type: "bind", source: "/src", propagation }) as StoredMount;
const on = (kind: string): SourceMount => ({ mountPoint: "/m", shared: kind === "shared", slave: kind === "slave" });

test.each([
  ["rprivate", "private", ""],
  ["", "private", ""],
  ["shared", "shared", ""],
  ["rshared", "private", "path /src is mounted on /m but it is not a shared mount"],
  ["rshared", "slave", "path /src is mounted on /m but it is not a shared mount"],
  ["slave", "slave", ""],
  ["rslave", "shared", ""],
  ["rslave", "private", "path /src is mounted on /m but it is not a shared or slave mount"],
])("propagation %p of a source on a %s mount: %p", (propagation, kind, expected) => {
  const check = () => checkPropagation([bind(propagation)], () => on(kind));
  if (expected === "") expect(check).not.toThrow();
  else expect(check).toThrow(expected);
});

test("only shared binds need the host's own mounts", () => {
  expect(["rprivate", "rslave", "shared", "rshared"].map((name) => sharesMounts([bind(name)]))).toEqual([
    false,
    false,
    true,
    true,
  ]);
});
