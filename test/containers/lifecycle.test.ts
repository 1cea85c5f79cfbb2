import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { containerSpec } from "./spec.ts";
import { openTestContainers, type TestContainers } from "./territory.ts";

const directory = mkdtempSync(`${tmpdir()}/gantry-containers-`);
let system: TestContainers;

beforeAll(async () => {
  system = await openTestContainers(directory);
  await system.containers.recover();
});

afterAll(async () => {
  for (const { id } of await system.containers.list({ all: true, limit: 0, size: false, filters: {} })) {
    await system.containers.remove(id, { force: true, volumes: true, link: false });
  }
  await system.close();
  rmSync(directory, { recursive: true, force: true });
});

const never = new AbortController().signal;

async function output(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

describe("a container", () => {
  test("runs to its end with the code of its process, leaving its output in the log", async () => {
    const { containers } = system;
    const { id } = await containers.create(containerSpec(["sh", "-c", "echo hello; exit 3"], { name: "first" }));
    const { result } = containers.wait(id, "next-exit", never);
    expect(await containers.start("first")).toEqual({ changed: true });
    expect(await result).toEqual({ code: 3 });
    const seen = await containers.get(id);
    expect(seen.state).toMatchObject({ status: "exited", exit: { code: 3 } });
    const { stream } = await containers.logs(
      id,
      { follow: false, stdout: true, stderr: true, timestamps: false, details: false },
      never,
    );
    expect(await output(stream)).toBe("\x01\0\0\0\0\0\0\x06hello\n");
    await containers.remove(id, { force: false, volumes: false, link: false });
    await expect(containers.get(id)).rejects.toThrow(`No such container: ${id}`);
    expect(system.endpoints.size).toBe(0);
    expect(readdirSync(`${directory}/data/containers`)).toEqual([]);
    expect(readdirSync(`${directory}/run/launchers`)).toEqual([]);
  });
});
