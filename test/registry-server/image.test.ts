import { expect, test } from "bun:test";
import { buildOwnImage } from "../fixtures/own-images.ts";
import { startDaemon } from "../harness/daemon.ts";
import { freePort } from "../harness/free-port.ts";
import { until } from "../harness/until.ts";
import { must, pushImage } from "./push.ts";

const BUILD_TIMEOUT_MS = 180_000;
/** Two builds without the cache give the same bytes. */
const REPRODUCIBLE = ["--no-cache", "--build-arg", "SOURCE_DATE_EPOCH=0", "-t", "registry:2"];

test(
  "the image is the same for the same sources, and runs as Docker's documents say: restarted, read-only, with its data in a volume",
  async () => {
    await using daemon = await startDaemon({ busybox: false });
    const first = await buildOwnImage(daemon, "registry", REPRODUCIBLE);
    expect(await buildOwnImage(daemon, "registry", REPRODUCIBLE)).toBe(first);
    const [port, other] = [freePort(), freePort()];
    const gantry = async (...args: string[]) => {
      const { code, stdout, stderr } = await daemon.gantry(args);
      expect([code, stderr]).toEqual([0, expect.anything()]);
      return stdout.trim();
    };
    await gantry("run", "-d", "-p", `127.0.0.1:${port}:5000`, "--restart=always", "--name", "registry", "registry");
    const registry = { url: `http://127.0.0.1:${port}` };
    const answers = () => until("the registry answers", async () => (await fetch(`${registry.url}/v2/`)).ok);
    await answers();
    const digest = await pushImage(registry, "team/app", "v1");
    await gantry("restart", "registry");
    await answers();
    expect(await (await must(registry, "/")).text()).toContain("<html");
    const again = await must(registry, "/v2/team/app/manifests/v1");
    expect(again.headers.get("docker-content-digest")).toBe(digest);
    expect(await gantry("logs", "registry")).toContain('"path":"/v2/team/app/manifests/v1","status":201');
    // The same data, and the variables of Docker's image.
    await gantry(
      "run",
      "-d",
      "-p",
      `127.0.0.1:${other}:5001`,
      "--read-only",
      "--volumes-from",
      "registry",
      "--name",
      "second",
      "-e",
      "REGISTRY_HTTP_ADDR=:5001",
      "-e",
      "REGISTRY_STORAGE_DELETE_ENABLED=false",
      "registry:2",
    );
    const second = { url: `http://127.0.0.1:${other}` };
    await until("the second one answers", async () => (await fetch(`${second.url}/v2/`)).ok);
    const seen = await must(second, "/v2/team/app/manifests/v1");
    expect(seen.headers.get("docker-content-digest")).toBe(digest);
    expect((await fetch(`${second.url}/v2/team/app/manifests/v1`, { method: "DELETE" })).status).toBe(405);
    await pushImage(second, "team/app", "v2");
    await must(registry, "/v2/team/app/manifests/v2");
    await gantry("stop", "registry", "second");
    expect(await gantry("inspect", "--format", "{{.State.ExitCode}}", "registry")).toBe("0");
    expect(await daemon.leakCheck()).toEqual([]);
  },
  2 * BUILD_TIMEOUT_MS,
);
