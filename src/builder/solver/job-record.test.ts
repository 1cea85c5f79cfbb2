import { expect, test } from "bun:test";
import type { ContextSource, SolveRequest } from "../builder.ts";
import { JobRecord } from "./job-record.ts";

test.each<[ContextSource | undefined, string]>([
  [undefined, ""],
  [{ kind: "session", name: "context", sharedKey: "" }, "context"],
  [{ kind: "git", url: "https://me:token@host/x.git#main" }, "https://host/x.git#main"],
  [{ kind: "http", url: "https://host/a.tar?token=secret" }, "https://host/a.tar?token=xxxxx"],
  [{ kind: "image", reference: "busybox" }, "busybox"],
])("the history tells where %j came from, but no account", (context, expected) => {
  const record = new JobRecord({ ref: "r", name: "", startedAt: new Date(0) });
  record.asked({ context, fileName: "Dockerfile", target: "", platforms: [] } as unknown as SolveRequest);
  expect(record.value.context).toBe(expected);
});

test("an error in the history has no account either", () => {
  const record = new JobRecord({ ref: "r", name: "", startedAt: new Date(0) });
  record.ended({ status: "error", error: "cloning https://me:token@host/x: no", completedAt: new Date(0) });
  expect(record.value.error).toBe("cloning https://host/x: no");
});
