import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { AT_FDCWD, makeNodeAt, S_IFSOCK } from "../../src/kernel/files.ts";
import type { WireCommitted } from "../../src/wire/containers.ts";
import { until } from "../harness/until.ts";
import { type Box, openBox } from "./box.ts";
import { readTar } from "./tar.ts";

let box: Box;
beforeAll(async () => {
  box = await openBox();
}, 60_000);
afterEach(async () => {
  if (!(await box.daemon.request("/_ping").catch(() => undefined))?.ok) await box.daemon.start();
  await box.daemon.removeContainers();
});
afterAll(() => box?.daemon[Symbol.asyncDispose](), 60_000);

interface ImageInspect {
  Id: string;
  Author: string;
  Comment: string;
  Config: Record<string, unknown>;
  RootFS: { Layers: string[] };
}

async function commit(id: string, query: Record<string, string | string[]> = {}, body?: unknown): Promise<string> {
  const parameters = new URLSearchParams({ container: id });
  for (const [name, values] of Object.entries(query))
    for (const value of [values].flat()) parameters.append(name, value);
  const answer = await box.api.call("POST", `/commit?${parameters.toString()}`, body);
  if (answer.status !== 201) throw new Error(`${answer.status} ${answer.message}`);
  return (JSON.parse(answer.text) as WireCommitted).Id;
}

const inspect = (image: string) => box.api.get<ImageInspect>(`/images/${image}/json`);
const status = async (id: string) =>
  (await box.api.get<{ State: { Status: string } }>(`/containers/${id}/json`)).State.Status;

/** The members of an image's topmost layer. */
async function topLayer(image: string) {
  const { RootFS } = await inspect(image);
  const digest = (RootFS.Layers.at(-1) ?? "").replace("sha256:", "");
  return readTar(readFileSync(join(box.daemon.dataRoot, "content/blobs/sha256", digest)));
}

test("the image has the base's layers and one more, its history, and runs", async () => {
  const script = "echo mine > /file; rm /etc/nsswitch.conf; rm -r /var/www; mkdir /var/www; : > /var/www/new";
  const id = await box.running(script, {
    Labels: { from: "container" },
    Env: ["A=1"],
    User: "33",
    WorkingDir: "/home",
  });
  const image = await commit(id, {
    repo: "localhost:5000/centosweb",
    tag: "v2",
    comment: "Web Server",
    author: "Mohan",
    changes: ['CMD ["cat", "/file"]', "ENV B=2\nEXPOSE 80"],
  });
  const [base, made] = [await inspect("busybox"), await inspect("localhost:5000/centosweb:v2")];
  expect(made).toMatchObject({ Id: image, Author: "Mohan", Comment: "Web Server" });
  expect(made.RootFS.Layers.slice(0, -1)).toEqual(base.RootFS.Layers);
  expect(made.Config).toMatchObject({
    Cmd: ["cat", "/file"],
    Env: expect.arrayContaining(["A=1", "B=2"]),
    User: "33",
    WorkingDir: "/home",
    Labels: { from: "container" },
    ExposedPorts: { "80/tcp": {} },
  });
  const history = await box.api.get<{ CreatedBy: string; Comment: string }[]>(`/images/${image}/history`);
  expect(history[0]).toMatchObject({ Comment: "Web Server", CreatedBy: expect.stringMatching(/^sh -c trap/) });
  expect(history).toHaveLength(2);
  expect((await box.api.run({ Image: image })).stdout).toBe("mine\n");
  const { stdout } = await box.api.sh("ls /etc/nsswitch.conf /var/www; ls /var", { Image: image });
  expect(stdout).toBe("/var/www:\nnew\nspool\nwww\n");
});

test("the layer holds what changed and nothing that a start makes", async () => {
  const id = await box.running("echo x > /etc/new; rm -r /var/www; mkdir /var/www; rm /etc/group; mkfifo /p", {
    HostConfig: { Binds: ["vol:/mnt/vol"] },
  });
  await box.api.exec(id, ["sh", "-c", "echo x > /mnt/vol/f"]);
  makeNodeAt(AT_FDCWD, join(await box.upper(id), "socket"), S_IFSOCK | 0o755, { major: 0, minor: 0 });
  expect(await box.changes(id)).toContain("A /socket");
  const image = await commit(id);
  expect([...(await topLayer(image)).keys()]).toEqual([
    "etc/",
    "etc/.wh.group",
    "etc/new",
    "mnt/",
    "mnt/vol/",
    "p",
    "var/",
    "var/www/",
    "var/www/.wh..wh..opq",
  ]);
  expect(await commit(id, { pause: "0" }).then(async (second) => (await inspect(second)).RootFS)).toEqual(
    (await inspect(image)).RootFS,
  );
});

test("a container that changed nothing gives an image without a new layer", async () => {
  const id = await box.api.create({ Cmd: ["echo", "same"] });
  const image = await commit(id);
  expect((await inspect(image)).RootFS).toEqual((await inspect("busybox")).RootFS);
  expect((await box.api.run({ Image: image })).stdout).toBe("same\n");
});

test("a commit of a commit, saved and loaded elsewhere, keeps its ID", async () => {
  const first = await commit(await box.running("echo 1 > /one"), { repo: "first" });
  const second = await commit(await box.running("echo 2 > /two", { Image: first }), { repo: "second" });
  expect((await inspect("second")).RootFS.Layers).toHaveLength(3);
  const archive = join(box.daemon.directory, "second.tar");
  expect((await box.daemon.gantry(["save", "-o", archive, "second"])).code).toBe(0);
  await box.daemon.removeContainers();
  for (const name of ["second", "first"]) await box.api.call("DELETE", `/images/${name}`);
  await box.daemon.load(archive);
  expect((await inspect("second")).Id).toBe(second);
  expect((await box.api.sh("cat /one /two", { Image: "second" })).stdout).toBe("1\n2\n");
});

test("a configuration of the client's is merged over the container's", async () => {
  const id = await box.running("true", { Env: ["A=1", "B=2"], Labels: { a: "1" } });
  const image = await commit(id, {}, { Cmd: ["true"], Env: ["A=mine"], Labels: { b: "2" }, User: "7" });
  const { Config } = await inspect(image);
  expect(Config).toMatchObject({ Cmd: ["true"], User: "7", Labels: { a: "1", b: "2" } });
  expect(Config["Env"]).toEqual(expect.arrayContaining(["A=mine", "B=2"]));
});

test("refusals come before anything is done", async () => {
  const id = await box.running("true");
  const refused = async (query: Record<string, string>) => commit(id, query).catch((error: Error) => error.message);
  expect(await refused({ changes: "RUN x" })).toBe("400 RUN is not a valid change command");
  expect(await refused({ repo: "BAD" })).toMatch(/^400 invalid reference format/);
  expect(await commit("nobody").catch((error: Error) => error.message)).toBe("404 No such container: nobody");
  expect(await status(id)).toBe("running");
});

test("the container is paused while it is read, unless that is not wanted, and commit is an event", async () => {
  const id = await box.running("truncate -s 400M /hole");
  const since = Math.floor(Date.now() / 1000) - 1;
  const [image] = await Promise.all([
    commit(id, { comment: "c", repo: "paused" }),
    until("it is paused", async () => (await status(id)) === "paused"),
  ]);
  expect(await status(id)).toBe("running");
  await commit(id, { pause: "false" });
  const filters = encodeURIComponent(JSON.stringify({ type: ["container", "image"] }));
  const query = `since=${since}&until=${Math.ceil(Date.now() / 1000)}&filters=${filters}`;
  const lines = (await (await box.daemon.request(`/events?${query}`)).text()).trim().split("\n");
  const events = lines
    .map((line) => JSON.parse(line) as { Action: string; Actor: { ID: string; Attributes: Record<string, string> } })
    .filter(({ Actor }) => Actor.ID === id || Actor.ID === image);
  const actions = events.map(({ Action }) => Action).filter((action) => /pause|commit|tag/.test(action));
  expect(actions).toEqual(["pause", "unpause", "tag", "commit", "commit"]);
  expect(events.find(({ Action }) => Action === "commit")?.Actor.Attributes).toMatchObject({
    comment: "c",
    imageID: image,
    imageRef: "paused:latest",
  });
}, 30_000);

test("a container that is stopped during a commit stops", async () => {
  const id = await box.running("truncate -s 400M /hole");
  const committed = commit(id);
  await until("it is paused", async () => (await status(id)) === "paused");
  expect((await box.api.call("POST", `/containers/${id}/stop?t=2`)).status).toBe(204);
  expect((await inspect(await committed)).RootFS.Layers).toHaveLength(2);
  expect(await status(id)).toBe("exited");
}, 30_000);

test("a container that is removed during a commit gives no image", async () => {
  const id = await box.running("truncate -s 400M /hole");
  const before = await box.api.get<unknown[]>("/images/json");
  const committed = commit(id).catch((error: Error) => error.message);
  await until("it is paused", async () => (await status(id)) === "paused");
  await box.api.call("DELETE", `/containers/${id}?force=1`);
  expect(await committed).toMatch(/^409 You cannot commit container [0-9a-f]+ which is being removed/);
  expect(await box.api.get<unknown[]>("/images/json")).toEqual(before);
}, 30_000);

test("a daemon that is killed during a commit leaves nothing frozen and no half image", async () => {
  await box.daemon.stop();
  await box.daemon.start({ GANTRY_FAILPOINT: "commit.paused" });
  const id = await box.running("echo x > /x");
  expect(await commit(id).catch(() => "broken off")).toBe("broken off");
  await box.daemon.exited();
  await box.daemon.start();
  expect(await status(id)).toBe("running");
  // It answers: so it runs again, whatever the record says.
  expect((await box.api.exec(id, ["cat", "/x"])).stdout).toBe("x\n");
  expect((await box.api.call("POST", `/containers/${id}/stop?t=5`)).status).toBe(204);
  expect((await inspect(await commit(id))).RootFS.Layers).toHaveLength(2);
}, 30_000);

test("nothing is left when every container is removed", async () => {
  expect(await box.daemon.leakCheck()).toEqual([]);
});
