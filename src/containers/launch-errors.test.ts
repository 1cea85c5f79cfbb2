import { expect, test } from "bun:test";
import { LaunchError } from "../runtime/launcher/launcher.ts";
import { at, type StagedOperation } from "../runtime/plan/launch-plan.ts";
import { describeLaunchError } from "./launch-errors.ts";

const subpath = at("enter", "mount-bind", { source: "/v", below: "a", target: "/t", recursive: true, attributes: {} });
const exec = (program: string) => at("enter", "exec", { argv: [program], env: [] });
const bind = at("enter", "mount-bind", { source: "/s", target: "/t", recursive: true, attributes: {} });

test.each([
  [exec("nope"), "ENOENT", 127, 'exec: "nope": executable file not found in $PATH'],
  [exec("/nope"), "ENOENT", 127, 'exec: "/nope": stat /nope: no such file or directory'],
  [exec("/etc/passwd"), "EACCES", 126, 'exec: "/etc/passwd": permission denied'],
  [exec("/etc"), "EISDIR", 126, 'exec: "/etc": is a directory'],
  [exec("/junk"), "ENOEXEC", 126, "exec /junk: exec format error"],
  [at("enter", "chdir", { path: "/x", create: true }), "EACCES", 126, 'chdir to cwd ("/x") set in config.json failed'],
  [bind, "ENOTDIR", 127, "Are you trying to mount a directory onto a file"],
  [bind, "ENOENT", 127, 'error mounting "/s" to rootfs at "/t": no such file or directory'],
  [at("enter", "sysctl", { key: "net.x", value: "1" }), "EROFS", 128, "open /proc/sys/net/x: read-only file system"],
] as [StagedOperation, string, number, string][])("%j with %s is exit code %d", (operation, code, exitCode, text) => {
  const failure = describeLaunchError(new LaunchError("", { operation, errno: 1, code }), "container");
  expect(failure.code).toBe(exitCode);
  expect(failure.message).toStartWith("failed to create task for container: failed to create shim task: OCI runtime");
  expect(failure.message).toContain(text);
});

test.each([
  ["beneath the bind source a", "ENOENT", "cannot access path /v/a: lstat /v/a: no such file or directory"],
  ["beneath the bind source a", "EXDEV", "path concatenation escapes the base directory, base: /v, subpath: a"],
])("%s with %s is said as Docker does before it asks the runtime", (detail, code, expected) => {
  const failure = describeLaunchError(new LaunchError(detail, { operation: subpath, errno: 1, code }), "container");
  expect(failure).toEqual({ message: expected, code: 128 });
});
