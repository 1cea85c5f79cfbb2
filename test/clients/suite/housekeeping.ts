import { expect, test } from "bun:test";
import { busyboxRootTar } from "../../fixtures/busybox-image.ts";
import type { Context, Suite } from "./context.ts";

/** What takes space, and giving it back. Leaves the daemon with the image it had. */
export const housekeepingSuite: Suite = (client) => {
  test("image prune takes images that lost their name, and with -a those that no container uses", async () => {
    await client.ok(["import", "-c", "LABEL v=1", await busyboxRootTar(), "moving:1"]);
    const first = await idOf(client, "moving:1");
    await client.ok(["import", "-c", "LABEL v=2", await busyboxRootTar(), "moving:1"]);
    expect(await client.ok(["images", "-q", "--no-trunc", "--filter", "dangling=true"])).toBe(first);
    await client.ok(["create", "--name", "user", "busybox"]);
    const pruned = await client.ok(["image", "prune", "-f"]);
    expect(pruned).toContain(`deleted: ${first}`);
    expect(pruned).toMatch(/^Total reclaimed space: \d/m);
    expect(await client.ok(["image", "prune", "-f"])).toBe("Total reclaimed space: 0B");
    expect(await client.ok(["image", "prune", "-af", "--filter", "label=v=1"])).toBe("Total reclaimed space: 0B");
    const all = await client.ok(["image", "prune", "-af"]);
    expect(all).toContain("untagged: moving:1");
    expect(all).toMatch(/Total reclaimed space: [1-9]/);
    expect(await client.ok(["images", "--format", "{{.Repository}}"])).toBe("busybox");
  });

  test("system df counts images, containers and volumes", async () => {
    await client.ok([
      "run",
      "--name",
      "writer",
      "-v",
      "df-data:/data",
      "busybox",
      "sh",
      "-c",
      "echo 12345 > /f; echo 1 > /data/f",
    ]);
    const rows = (
      await client.ok(["system", "df", "--format", "{{.Type}}|{{.TotalCount}}|{{.Active}}|{{.Size}}|{{.Reclaimable}}"])
    ).split("\n");
    expect(rows[0]).toMatch(/^Images\|1\|1\|[\d.]+MB\|/);
    expect(rows[1]).toBe("Containers|1|0|6B|6B (100%)");
    expect(rows[2]).toBe("Local Volumes|1|1|2B|0B (0%)");
    expect(rows[3]).toMatch(/^Build Cache\|0\|0\|0B\|0B/);
    const verbose = await client.ok(["system", "df", "-v"]);
    for (const text of [
      "Images space usage:",
      "Containers space usage:",
      "Local Volumes space usage:",
      "Build cache usage: 0B",
    ])
      expect(verbose).toContain(text);
    expect(verbose).toMatch(/^busybox\s+latest\s+[0-9a-f]{12}\s+.*\s0B\s+[\d.]+MB\s+1\s*$/m);
    expect(verbose).toMatch(/^df-data\s+1\s+2B\s*$/m);
    await client.ok(["rm", "-v", "writer"]);
    await client.ok(["volume", "rm", "df-data"]);
  });

  test("system prune takes stopped containers, unnamed images and, when told, anonymous volumes", async () => {
    await client.ok(["import", await busyboxRootTar(), "short-lived:1"]);
    const id = await idOf(client, "short-lived:1");
    await client.ok(["run", "--name", "done", "-v", "/anonymous", "busybox", "true"]);
    await client.ok(["import", "-c", "ENV A=b", await busyboxRootTar(), "short-lived:1"]);
    const since = (Date.now() / 1000).toFixed(3);
    const pruned = await client.ok(["system", "prune", "-f", "--volumes"]);
    expect(pruned).toContain("Deleted Containers:");
    expect(pruned).toContain("Deleted Volumes:");
    expect(pruned).toContain(`deleted: ${id}`);
    expect(pruned).toMatch(/Total reclaimed space: [1-9]/);
    const events = await client.ok([
      "events",
      "--since",
      since,
      "--until",
      (Date.now() / 1000 + 0.01).toFixed(3),
      "--filter",
      "event=prune",
      "--format",
      "{{.Type}} {{.Actor.Attributes.reclaimed}}",
    ]);
    const kinds = events.split("\n").map((line) => line.split(" ")[0]);
    expect(kinds).toEqual(["container", "network", "volume", "image", "builder"]);
    await client.ok(["rmi", "short-lived:1"]);
  });

  test("rmi tells what it took: names, the image, its layers", async () => {
    await client.ok(["import", "-c", "LABEL once=1", await busyboxRootTar(), "once:1"]);
    const id = await idOf(client, "once:1");
    await client.ok(["tag", "once:1", "twice:1"]);
    const refused = await client.run(["rmi", id]);
    expect(refused.stderr).toMatch(
      /conflict: unable to delete [0-9a-f]{12} \(must be forced\) - image is referenced in multiple repositories/,
    );
    expect(await client.ok(["rmi", "twice:1"])).toBe("Untagged: twice:1");
    const lines = (await client.ok(["rmi", id.slice("sha256:".length, 20)])).split("\n");
    expect(lines.slice(0, 2)).toEqual(["Untagged: once:1", `Deleted: ${id}`]);
    expect(lines.slice(2).every((line) => /^Deleted: sha256:[0-9a-f]{64}$/.test(line))).toBe(true);
  });

  test("an image that others were made of loses its name and stays; it goes with the last of them", async () => {
    await client.ok(["import", "-c", "LABEL base=1", await busyboxRootTar(), "base:1"]);
    const base = await idOf(client, "base:1");
    await client.ok(["run", "--name", "changed", "base:1", "/bin/touch", "/new"]);
    await client.ok(["commit", "changed", "derived:1"]);
    await client.ok(["rm", "changed"]);
    expect(await client.ok(["rmi", "base:1"])).toBe("Untagged: base:1");
    expect(await client.ok(["images", "-q", "--no-trunc"])).not.toContain(base);
    expect(await client.ok(["images", "-aq", "--no-trunc"])).toContain(base);
    const refused = await client.run(["rmi", "-f", base]);
    expect(refused.stderr).toMatch(/\(cannot be forced\) - image has dependent child images/);
    const removed = await client.ok(["rmi", "derived:1"]);
    expect(removed).toContain(`Deleted: ${base}`);
    expect(await client.ok(["images", "-aq", "--no-trunc"])).not.toContain(base);
  });

  test("import from a URL, and with every change", async () => {
    const root = Bun.file(await busyboxRootTar());
    using server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response(root) });
    const changes = [
      'CMD ["echo", "fetched"]',
      'ENTRYPOINT ["/bin/sh", "-c", "exec \\"$0\\" \\"$@\\""]',
      "ENV A=b",
      "EXPOSE 80",
      "HEALTHCHECK NONE",
      "LABEL a=b",
      "ONBUILD RUN true",
      "STOPSIGNAL SIGINT",
      "USER nobody",
      "VOLUME /v",
      "WORKDIR /tmp",
    ].flatMap((change) => ["-c", change]);
    await client.ok(["import", ...changes, `http://127.0.0.1:${server.port}/root.tar`, "fetched:1"]);
    expect(await client.ok(["run", "--rm", "fetched:1"])).toBe("fetched");
    const format =
      "{{.Config.User}} {{.Config.WorkingDir}} {{.Config.StopSignal}} {{json .Config.Volumes}} {{.Comment}}";
    expect(await client.ok(["image", "inspect", "-f", format, "fetched:1"])).toBe(
      `nobody /tmp SIGINT {"/v":{}} Imported from http://127.0.0.1:${server.port}/root.tar`,
    );
    await client.ok(["rmi", "fetched:1"]);
  });
};

function idOf(client: Context, name: string): Promise<string> {
  return client.ok(["image", "inspect", "-f", "{{.Id}}", name]);
}
