import { until } from "../harness/until.ts";
import { clientWith } from "./client.ts";
import { filesOf } from "./files-source.ts";
import { mountOf, openWorkshop, textOf } from "./workshop.ts";

/**
 * A process that runs a build step which does not end, and is killed: `doomed-daemon.ts <directory> <directory of files>`. Prints
 * `running` when the step is under way. GANTRY_FAILPOINT may end it earlier.
 */
if (import.meta.main) {
  const [directory = "", files = ""] = process.argv.slice(2);
  const shop = await openWorkshop({ directory });
  const mounts = [
    mountOf("cache", { id: "kept", target: "/kept", sharing: "locked" }),
    mountOf("bind", { target: "/scratch", readOnly: false }, 1),
    mountOf("ssh", { target: "" }),
  ];
  const session = clientWith({ agent: "/nowhere" });
  void shop.run(
    "echo x > /kept/file; echo y > /scratch/file; echo up; sleep 600",
    { mounts, cgroupParent: `${process.env.CGROUP_PARENT}/deep` },
    { inputs: [filesOf(files)], context: { session } },
  );
  await until("it is up", () => textOf(shop.events).includes("up"));
  process.stdout.write("running\n");
  setInterval(() => {}, 1 << 30);
}
