import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { join } from "node:path";
import { until } from "../../harness/until.ts";
import type { Suite } from "./context.ts";

/** cp both ways, diff, export and commit. */
export const filesSuite: Suite = (client) => {
  let here: string;
  beforeEach(async () => {
    here = mkdtempSync(join(client.daemon.directory, "files-"));
    mkdirSync(join(here, "src/sub"), { recursive: true });
    await Bun.write(join(here, "src/a"), "local a");
    await Bun.write(join(here, "src/sub/b"), "local b");
    symlinkSync("a", join(here, "src/link"));
    mkdirSync(join(here, "out"));
  });
  afterEach(() => rmSync(here, { recursive: true, force: true }));

  const cp = (...args: string[]) => client.run(["cp", ...args], { cwd: here });
  const copied = async (...args: string[]) => {
    const { code, stderr } = await cp(...args);
    if (code !== 0) throw new Error(`cp ${args.join(" ")}: ${stderr}`);
  };
  const read = (path: string) => readFileSync(join(here, "out", path), "utf8");
  const inside = (script: string) => client.ok(["exec", "box", "sh", "-c", script]);

  async function box(script = "true", ...flags: string[]): Promise<void> {
    const command = `mkdir -p /d/sub; echo -n a > /d/a; ln -s a /d/l; ln -s /d /link; ${script}; touch /ready; sleep 1000`;
    await client.ok(["run", "-d", "--name", "box", ...flags, "busybox", "sh", "-c", command]);
    await until("it is ready", async () => (await client.run(["exec", "box", "test", "-e", "/ready"])).code === 0);
  }

  test("cp out: files, trees, contents and links land where Docker puts them", async () => {
    await box();
    await copied("box:/d/a", "out");
    await copied("box:/d/a", "out/renamed");
    await copied("box:/d", "out");
    await copied("box:/d/", "out/new");
    await copied("box:/d/.", "out/contents");
    await copied("box:/link", "out/link");
    await copied("-L", "box:/link", "out/followed");
    await copied("-L", "box:/d/l", "out/l");
    expect(["a", "renamed", "d/a", "new/a", "contents/a", "followed/a", "l"].map(read)).toEqual(Array(7).fill("a"));
    expect(readlinkSync(join(here, "out/link"))).toBe("/d");
    expect(readlinkSync(join(here, "out/d/l"))).toBe("a");
    expect(lstatSync(join(here, "out/l")).isFile()).toBe(true);
  });

  test("cp in: files, trees, contents and links land where Docker puts them", async () => {
    await box("mkdir /t; ln -s /t /tl; echo old > /t/f");
    await copied("src/a", "box:/t");
    await copied("src/a", "box:/t/f");
    await copied("src/a", "box:/t/renamed");
    await copied("src/a", "box:/tl/through");
    await copied("src", "box:/t");
    await copied("src", "box:/t/new");
    await copied("src/.", "box:/t/contents");
    await copied("src/link", "box:/t/link");
    await copied("-L", "src/link", "box:/t/followed");
    const listing = "cd /t; find . -type f | sort; readlink link; readlink src/link; cat f renamed through followed";
    expect(await inside(listing)).toBe(
      [
        "./a\n./contents/a\n./contents/sub/b\n./f\n./followed\n./new/a\n./new/sub/b",
        "./renamed\n./src/a\n./src/sub/b\n./through\na\na",
        "local alocal alocal alocal a",
      ].join("\n"),
    );
  });

  test("cp streams tar archives", async () => {
    await box("mkdir /t");
    const archive = await client.run(["cp", "box:/d", "-"]);
    await Bun.write(join(here, "d.tar"), archive.stdout);
    const names = Bun.spawnSync(["tar", "tf", join(here, "d.tar")]).stdout.toString();
    expect(names).toBe("d/\nd/a\nd/l\nd/sub/\n");
    const input = new Uint8Array(Bun.spawnSync(["tar", "cz", "-C", here, "src"]).stdout);
    expect((await client.run(["cp", "-", "box:/t"], { input })).code).toBe(0);
    expect(await inside("cat /t/src/sub/b")).toBe("local b");
  });

  test("cp says what cannot be in Docker's words", async () => {
    await box();
    const refusals: [RegExp, string, string][] = [
      [
        /Could not find the file \/nothing in container box|No such container:path: box:\/nothing/,
        "box:/nothing",
        "out",
      ],
      [/No such container: nobody|No such container:path: nobody:\/d/, "nobody:/d", "out"],
      [/copying between containers is not supported/, "box:/d", "box:/e"],
      [/must specify at least one container source/, "src", "out"],
      [/cannot copy directory/, "src", "box:/d/a"],
      [/no such directory/, "src/a", "box:/no/"],
      [/Could not find the file \/no|No such container:path: box:\/no/, "src/a", "box:/no/such"],
    ];
    for (const [words, source, destination] of refusals) {
      const { code, stderr } = await cp(source, destination);
      expect(stderr).toMatch(words);
      expect(code).toBe(1);
    }
    expect((await cp("nothing", "box:/d"))["code"]).toBe(1);
    expect(readdirSync(join(here, "out"))).toEqual([]);
  });

  test("cp works on a container that never ran, and on its volume", async () => {
    await client.ok(["create", "--name", "never", "-v", "cpvolume:/data", "busybox", "cat", "/data/a", "/etc/b"]);
    await copied("src/a", "never:/data/a");
    await copied("src/sub/b", "never:/etc/b");
    await copied("never:/data", "out");
    expect(read("data/a")).toBe("local a");
    expect(await client.ok(["start", "-a", "never"])).toBe("local alocal b");
    await client.ok(["rm", "never"]);
    await client.ok(["volume", "rm", "cpvolume"]);
  });

  test("cp -a gives files to the container's user", async () => {
    await box("mkdir /home/www; chmod 777 /home/www", "--user", "0");
    await client.ok(["run", "-d", "--name", "web", "--user", "www-data", "busybox", "sleep", "1000"]);
    await copied("-a", "src/a", "web:/tmp/a");
    expect(await client.ok(["exec", "web", "stat", "-c", "%U", "/tmp/a"])).toBe("www-data");
  });

  test("diff tells added, changed and deleted files", async () => {
    await box("rm /etc/group; echo x >> /etc/passwd; mkdir /new; : > /new/f");
    const lines = (await client.ok(["diff", "box"])).split("\n");
    expect(lines).toEqual(expect.arrayContaining(["C /etc", "D /etc/group", "C /etc/passwd", "A /new", "A /new/f"]));
    expect(lines.filter((line) => /hosts|resolv|hostname|proc|sys|dev/.test(line))).toEqual([]);
  });

  test("export and import give the root file system again", async () => {
    await box("echo -n exported > /file");
    await client.ok(["export", "-o", join(here, "root.tar"), "box"]);
    await client.ok(["import", "-c", 'CMD ["cat", "/file"]', join(here, "root.tar"), "again:1"]);
    expect(await client.ok(["run", "--rm", "again:1"])).toBe("exported");
    await client.ok(["rmi", "again:1"]);
  });

  test("commit makes an image that runs, can be tagged, saved and loaded", async () => {
    await box("echo -n committed > /file");
    const changes = ["-c", 'CMD ["cat", "/file"]', "-c", "ENV FROM=commit"];
    const name = "localhost:5000/centosweb:v2";
    const id = await client.ok(["commit", "-m", "Web Server", "-a", "Mohan", ...changes, "box", name]);
    expect(id).toMatch(/^sha256:[0-9a-f]{64}$/);
    const format = "{{.Id}} {{.Author}} {{.Comment}} {{json .Config.Cmd}} {{len .RootFS.Layers}}";
    expect(await client.ok(["image", "inspect", "-f", format, name])).toBe(`${id} Mohan Web Server ["cat","/file"] 2`);
    expect(await client.ok(["run", "--rm", name])).toBe("committed");
    expect(await client.ok(["run", "--rm", name, "sh", "-c", "echo $FROM"])).toBe("commit");
    expect(await client.ok(["history", "--format", "{{.Comment}}", name])).toStartWith("Web Server");
    await client.ok(["save", "-o", join(here, "image.tar"), name]);
    await client.ok(["rmi", name]);
    await client.ok(["load", "-i", join(here, "image.tar")]);
    expect(await client.ok(["image", "inspect", "-f", "{{.Id}}", name])).toBe(id);
    expect(await client.ok(["inspect", "-f", "{{.State.Status}}", "box"])).toBe("running");
    await client.ok(["rmi", name]);
  });
};
