import { join } from "node:path";
import { silentLogger } from "../../src/base/logger.ts";
import { createLauncher } from "../../src/runtime/launcher/create-launcher.ts";
import { at } from "../../src/runtime/plan/launch-plan.ts";
import { REPOSITORY } from "./box.ts";

/** Launches a task in the directory of a test's box, prints its id, and is killed without a chance to tidy up. */
const dir = process.argv[2] ?? "";
const id = "d".repeat(64);
const launcher = await createLauncher({
  runDir: join(dir, "run"),
  binaryPath: join(REPOSITORY, "build/launcher"),
  logger: silentLogger,
});
await launcher.launch({
  plan: {
    id,
    supervise: {
      exitRecordPath: launcher.exitRecordPath(id),
      log: { path: join(dir, `${id}.log`), maxBytes: 0, maxFiles: 1 },
      tty: false,
      stdin: true,
      stdinOnce: false,
      abandonOutput: false,
    },
    operations: [
      at("clone", "clone", { namespaces: ["mnt", "pid"] }),
      at("enter", "await-attend", {}),
      at("enter", "exec", {
        argv: ["/bin/sh", "-c", "echo before; read word; echo got $word; exit 11"],
        env: ["PATH=/bin"],
      }),
    ],
  },
  fds: [],
  attachments: [],
});
await Bun.write(Bun.stdout, `${id}\n`);
process.kill(process.pid, "SIGKILL");
