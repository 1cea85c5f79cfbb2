import { createIo } from "../cli/io.ts";
import { main } from "../cli/main.ts";
import { NO_TERMINAL } from "../cli/terminal.ts";

const DAEMON_NAMES = ["gantryd", "dockerd"];

/** The name we were started by; `bin/gantry` passes it on, as a script's own name is lost behind the runtime. */
const invokedAs = process.env["GANTRY_INVOKED_AS"] ?? "gantry";
/** `bin/gantry` has looked: then the runtime may run without what foreign calls need. */
const withoutTerminal = process.env["GANTRY_WITHOUT_TERMINAL"] === "1";
const args = process.argv.slice(2);

async function dispatch(): Promise<number> {
  if (DAEMON_NAMES.includes(invokedAs)) return (await import("./daemon.ts")).runDaemon(args);
  if (args[0] === "daemon") return (await import("./daemon.ts")).runDaemon(args.slice(1));
  if (args[0] === "debug") return (await import("./debug.ts")).runDebug(args.slice(1));
  if (args[0] === "registry") return (await import("./registry.ts")).runRegistry(args.slice(1));
  return main({
    program: invokedAs === "docker" ? "docker" : "gantry",
    args,
    io: createIo(),
    environment: process.env,
    workingDir: process.cwd(),
    colours: Bun.enableANSIColors,
    terminalControl: async () => (withoutTerminal ? NO_TERMINAL : import("../kernel/terminal.ts")),
    runProgram: async (argv, input) => (await import("../kernel/run-program.ts")).runWithInput(argv, input),
  });
}

// Ends at once: open sockets and a pending read of standard input must not hold us.
// No top-level await: the bundle is a CommonJS module, the only kind that the runtime keeps as bytecode.
dispatch().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
