import { expect, test } from "bun:test";
import { runWithInput } from "./run-program.ts";

const shell = (script: string) => ["/bin/sh", "-c", script];

test("input goes in, output comes out, and any exit code is a result", async () => {
  expect(await runWithInput(shell("tr a-z A-Z; exit 3"), "hello\n")).toEqual({ code: 3, out: "HELLO\n" });
});

test("a program that reads nothing of its input is no error", async () => {
  expect(await runWithInput(shell("echo done"), "x".repeat(1 << 20))).toEqual({ code: 0, out: "done\n" });
});

test("a program that is not in PATH is told by its name", async () => {
  const error = await runWithInput(["no-such-program-anywhere"], "").catch((caught: Error) => caught.message);
  expect(error).toBe("no-such-program-anywhere: executable file not found in $PATH");
});

test("a program that does not end is killed, even where a child of it holds the output", async () => {
  const from = performance.now();
  const error = await runWithInput(shell("sleep 3 & sleep 3"), "", 100).catch((caught: Error) => caught.message);
  expect(error).toBe("/bin/sh: gave no answer within 0.1 s");
  expect(performance.now() - from).toBeLessThan(2500);
});
