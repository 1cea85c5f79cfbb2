import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { busyboxImage, busyboxRootTar } from "../../fixtures/busybox-image.ts";
import type { Suite } from "./context.ts";

/** Images without a registry: load, save, import, tag, remove. */
export const imagesSuite: Suite = (client) => {
  test("images lists what was loaded, inspect shows its config", async () => {
    expect(await client.ok(["images", "--format", "{{.Repository}}:{{.Tag}}"])).toBe("busybox:latest");
    expect(
      await client.ok(["image", "inspect", "-f", "{{.Os}} {{json .Config.Cmd}} {{len .RootFS.Layers}}", "busybox"]),
    ).toBe('linux ["sh"] 1');
    expect(await client.ok(["history", "-q", "busybox"])).toMatch(/^[0-9a-f]{12}$/);
  });

  test("an image that was saved, removed and loaded has the same ID and runs", async () => {
    const directory = mkdtempSync(join(client.daemon.directory, "save-"));
    const archive = join(directory, "image.tar");
    const id = await client.ok(["image", "inspect", "-f", "{{.Id}}", "busybox"]);
    await client.ok(["tag", "busybox", "copy:v1"]);
    await client.ok(["save", "-o", archive, "copy:v1"]);
    expect(await client.ok(["rmi", "copy:v1"])).toBe("Untagged: copy:v1");
    expect(await client.ok(["load", "-i", archive])).toContain("Loaded image: copy:v1");
    expect(await client.ok(["image", "inspect", "-f", "{{.Id}}", "copy:v1"])).toBe(id);
    expect(await client.ok(["run", "--rm", "copy:v1", "echo", "same"])).toBe("same");
    await client.ok(["rmi", "copy:v1"]);
    rmSync(directory, { recursive: true });
  });

  test("import makes an image of a root file system, with changes", async () => {
    const id = await client.ok([
      "import",
      "-c",
      'CMD ["echo", "imported"]',
      "-c",
      "ENV A=b",
      "-m",
      "by hand",
      await busyboxRootTar(),
      "mine:v1",
    ]);
    expect(id).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(await client.ok(["run", "--rm", "mine:v1"])).toBe("imported");
    expect(await client.ok(["history", "--format", "{{.Comment}}", "mine:v1"])).toBe("by hand");
    await client.ok(["rmi", "mine:v1"]);
    expect((await client.run(["run", "--rm", "--pull", "never", "mine:v1"])).code).toBe(125);
  });

  test("an image that a container uses is not removed", async () => {
    await client.ok(["create", "--name", "user", "busybox"]);
    const { stderr, code } = await client.run(["rmi", "busybox"]);
    expect(stderr).toMatch(
      /conflict: unable to remove repository reference "busybox" \(must force\) - container [0-9a-f]{12} is using its referenced image/,
    );
    expect(code).toBe(1);
    await client.ok(["rm", "user"]);
  });

  test("an unknown image is told with Docker's words", async () => {
    expect((await client.run(["image", "inspect", "nothing"])).stderr).toMatch(/No such image: nothing/);
    expect((await client.run(["rmi", "nothing"])).stderr).toMatch(/No such image: nothing/);
    const { stderr, code } = await client.run(["run", "--rm", "--pull", "never", "nothing"]);
    expect(stderr).toMatch(/No such image: nothing/);
    expect(code).toBe(125);
  });

  test("load from standard input", async () => {
    const archive = Bun.file(await busyboxImage());
    const { stdout, code } = await client.run(["load"], { input: new Uint8Array(await archive.arrayBuffer()) });
    expect(stdout).toContain("Loaded image: busybox:latest");
    expect(code).toBe(0);
  });
};
