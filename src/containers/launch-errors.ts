import { EngineError } from "../base/errors.ts";
import type { LaunchError } from "../runtime/launcher/launcher.ts";

/** A start that failed: what the client is told, and what `State.ExitCode` becomes. */
export interface StartFailure {
  message: string;
  code: number;
}

/** Go's words for the errors of a start: the docker command derives its own exit code from them (docker/cli run.go). */
const WORDS: Record<string, string> = {
  EPERM: "operation not permitted",
  ENOENT: "no such file or directory",
  EIO: "input/output error",
  E2BIG: "argument list too long",
  ENOEXEC: "exec format error",
  EAGAIN: "resource temporarily unavailable",
  ENOMEM: "cannot allocate memory",
  EACCES: "permission denied",
  EBUSY: "device or resource busy",
  EEXIST: "file exists",
  EXDEV: "invalid cross-device link",
  ENODEV: "no such device",
  ENOTDIR: "not a directory",
  EISDIR: "is a directory",
  EINVAL: "invalid argument",
  ENFILE: "too many open files in system",
  EMFILE: "too many open files",
  ETXTBSY: "text file busy",
  ENOSPC: "no space left on device",
  EROFS: "read-only file system",
  ELOOP: "too many levels of symbolic links",
  ENAMETOOLONG: "file name too long",
};

const CREATE_PREFIX =
  "failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: ";
const EXEC_PREFIX = "OCI runtime exec failed: exec failed: unable to start container process: ";
const NOT_A_DIRECTORY_HINT =
  ": Are you trying to mount a directory onto a file (or vice-versa)? Check if the specified host path exists and is the expected type";

/** Exit codes of a shell for a command that cannot be run. */
const NOT_FOUND = 127;
const NOT_EXECUTABLE = 126;
const OTHER = 128;

/** In the words of Docker with runc. Pure. */
export function describeLaunchError(error: LaunchError, kind: "container" | "exec"): StartFailure {
  const before = subpathCause(error) ?? volumeCause(error);
  if (before !== undefined) return { message: before, code: OTHER };
  const prefix = kind === "container" ? CREATE_PREFIX : EXEC_PREFIX;
  const cause = causeOf(error);
  const hint = kind === "container" && error.code === "ENOTDIR" ? NOT_A_DIRECTORY_HINT : "";
  return { message: `${prefix}${cause}: unknown${hint}`, code: codeOf(cause) };
}

/** As moby's setExitCodeFromError: from the text. */
function codeOf(cause: string): number {
  if (/executable file not found|no such file or directory|not a directory/.test(cause)) return NOT_FOUND;
  if (/permission denied|is a directory|exec format error/.test(cause)) return NOT_EXECUTABLE;
  return OTHER;
}

/** 126 and 127 are the user's doing (HTTP 400), the rest is not. */
export function startError(failure: StartFailure, cause: unknown): EngineError {
  return new EngineError(failure.code === OTHER ? "internal" : "invalid-argument", failure.message, { cause });
}

/** Of an errno by name, as Go says it. */
export function errorWords(code: string): string {
  return WORDS[code] ?? code;
}

function causeOf(error: LaunchError): string {
  const words = errorWords(error.code);
  const { operation } = error;
  if (operation === undefined) return `${error.message}: ${words}`;
  if (operation.op === "exec") return execCause(operation.argv[0] ?? "", error.code, words);
  if (operation.op === "chdir") return `chdir to cwd ("${operation.path}") set in config.json failed: ${words}`;
  if (operation.op === "mount-bind") {
    return `error mounting "${operation.source}" to rootfs at "${operation.target}": ${words}`;
  }
  if (operation.op === "mount-fs") {
    return `error mounting "${operation.source || operation.fstype}" to rootfs at "${operation.target}": ${words}`;
  }
  if (operation.op === "sysctl") return `open /proc/sys/${operation.key.replaceAll(".", "/")}: ${words}`;
  if (operation.op === "rlimit") return `error setting rlimit type ${operation.resource}: ${words}`;
  return "path" in operation ? `${operation.op} ${operation.path}: ${words}` : `${operation.op}: ${words}`;
}

/** Docker looks for a volume's subpath itself, before the runtime is asked. @see moby internal/safepath */
function subpathCause({ operation, message, code }: LaunchError): string | undefined {
  if (operation?.op !== "mount-bind" || operation.below === undefined || operation.from !== undefined) return undefined;
  if (!message.startsWith("beneath ")) return undefined;
  const { source, below } = operation;
  if (code === "EXDEV") return `path concatenation escapes the base directory, base: ${source}, subpath: ${below}`;
  const path = `${source}/${below}`;
  return `cannot access path ${path}: lstat ${path}: ${WORDS[code] ?? code}`;
}

/** Docker mounts such a volume itself. @see moby daemon/volume/local `mount` */
function volumeCause({ operation, code }: LaunchError): string | undefined {
  if (operation === undefined || (operation.op !== "mount-bind" && operation.op !== "mount-fs")) return undefined;
  const { volume, source } = operation;
  if (volume === undefined) return undefined;
  const flags = operation.op === "mount-fs" ? "" : `, flags: ${operation.recursive ? "0x5000" : "0x1000"}`;
  const data = operation.op === "mount-fs" && operation.options.length > 0 ? `, data: ${operation.options.join()}` : "";
  const what = `mount ${source}:${volume}${flags}${data}`.replace(/(password=)[^,]*/g, "$1********");
  return `error while mounting volume '${volume}': failed to mount local volume: ${what}: ${WORDS[code] ?? code}`;
}

function execCause(program: string, code: string, words: string): string {
  if (code === "ENOENT") {
    const detail = program.includes("/") ? `stat ${program}: ${words}` : "executable file not found in $PATH";
    return `exec: ${JSON.stringify(program)}: ${detail}`;
  }
  // Docker 20.10 takes 126 from "permission denied", later ones from "is a directory".
  if (code === "EISDIR") return `exec: ${JSON.stringify(program)}: ${words}: permission denied`;
  return code === "ENOEXEC" ? `exec ${program}: ${words}` : `exec: ${JSON.stringify(program)}: ${words}`;
}
