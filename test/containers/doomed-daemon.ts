import type { ContainerSpec } from "../../src/containers/container-spec.ts";
import { until } from "../harness/until.ts";
import { containerSpec } from "./spec.ts";
import { openTestContainers } from "./territory.ts";

/**
 * A process that holds containers and is killed: `doomed-daemon.ts <directory> <steps as JSON>`. Prints `<step> <result>` after
 * each step and then waits for its end. GANTRY_FAILPOINT may end it earlier.
 */
export type Step =
  | { do: "create" | "start"; name: string; command: string[]; changes?: Partial<ContainerSpec> }
  | { do: "stop" | "remove" | "wait" | "exec" | "healthy"; name: string };

if (import.meta.main) {
  const [directory = "", steps = "[]"] = process.argv.slice(2);
  const { containers } = await openTestContainers(directory);
  await containers.recover();
  for (const step of JSON.parse(steps) as Step[]) process.stdout.write(`${step.do} ${await perform(step)}\n`);
  process.stdout.write("done\n");
  setInterval(() => {}, 1 << 30);

  async function perform(step: Step): Promise<string> {
    const { name } = step;
    switch (step.do) {
      case "create":
      case "start": {
        const { id } = await containers.create(containerSpec(step.command, { ...step.changes, name }));
        if (step.do === "start") await containers.start(id);
        return id;
      }
      case "stop":
        return String((await containers.stop(name, {})).changed);
      case "remove":
        await containers.remove(name, { force: true, volumes: true, link: false });
        return name;
      case "wait":
        return String((await containers.wait(name, "not-running", new AbortController().signal).result).code);
      case "healthy":
        await until("it is healthy", async () => (await containers.get(name)).health?.status === "healthy");
        return name;
      case "exec": {
        const none = {
          environment: [],
          workingDir: "",
          user: "",
          detachKeys: "",
          consoleSize: [0, 0] as [number, number],
        };
        const flags = { tty: false, privileged: false, attachStdin: false, attachStdout: true, attachStderr: true };
        const exec = await containers.createExec(name, { command: ["sleep", "600"], ...none, ...flags });
        await containers.startExec(exec, { detach: true, tty: false, signal: new AbortController().signal });
        return exec;
      }
    }
  }
}
