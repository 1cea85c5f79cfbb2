import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { until } from "../../harness/until.ts";
import type { Suite } from "./context.ts";

/** Volumes, binds and published ports. */
export const volumesSuite: Suite = (client) => {
  test("a named volume keeps its files when its containers are gone", async () => {
    await client.ok(["run", "--rm", "-v", "keep:/data", "busybox", "sh", "-c", "echo kept > /data/file"]);
    expect(await client.ok(["volume", "ls", "-q"])).toBe("keep");
    expect(
      await client.ok(["run", "--rm", "--mount", "source=keep,target=/d,readonly", "busybox", "cat", "/d/file"]),
    ).toBe("kept");
    const mountpoint = await client.ok(["volume", "inspect", "-f", "{{.Mountpoint}}", "keep"]);
    expect(readFileSync(join(mountpoint, "file"), "utf8")).toBe("kept\n");
    await client.ok(["volume", "rm", "keep"]);
    expect((await client.run(["volume", "rm", "keep"])).stderr).toMatch(/no such volume/i);
  });

  test("a volume that a container uses is not removed", async () => {
    await client.ok(["create", "--name", "holder", "-v", "held:/data", "busybox"]);
    expect((await client.run(["volume", "rm", "held"])).stderr).toMatch(/volume is in use - \[[0-9a-f]{64}\]/);
    await client.ok(["rm", "holder"]);
    await client.ok(["volume", "rm", "held"]);
  });

  test("a new volume begins with what the image has at its place", async () => {
    expect(await client.ok(["run", "--rm", "-v", "seeded:/etc", "busybox", "head", "-1", "/etc/passwd"])).toMatch(
      /^root:/,
    );
    await client.ok(["volume", "rm", "seeded"]);
  });

  test("anonymous volumes go with --rm, and with rm -v", async () => {
    await client.ok(["run", "--rm", "-v", "/scratch", "busybox", "touch", "/scratch/x"]);
    await client.ok(["run", "--name", "anonymous", "-v", "/scratch", "busybox", "true"]);
    expect((await client.ok(["volume", "ls", "-q"])).split("\n").length).toBe(1);
    await client.ok(["rm", "-v", "anonymous"]);
    expect(await client.ok(["volume", "ls", "-q"])).toBe("");
  });

  test("host directories and files are bound, read-only where asked", async () => {
    const directory = mkdtempSync(join(client.daemon.directory, "bind-"));
    writeFileSync(join(directory, "in"), "from the host\n");
    const binds = ["-v", `${directory}:/host`, "-v", `${directory}/in:/only:ro`];
    expect(
      await client.ok(["run", "--rm", ...binds, "busybox", "sh", "-c", "cat /host/in /only; echo back > /host/out"]),
    ).toBe("from the host\nfrom the host");
    expect(readFileSync(join(directory, "out"), "utf8")).toBe("back\n");
    const refused = await client.run(["run", "--rm", ...binds, "busybox", "sh", "-c", "echo x > /only"]);
    expect(refused.stderr).toMatch(/Read-only file system/);
  });

  test("--volumes-from gives another container's volumes", async () => {
    await client.ok(["create", "--name", "store", "-v", "/dbdata", "busybox", "true"]);
    await client.ok(["run", "--rm", "--volumes-from", "store", "busybox", "sh", "-c", "echo row > /dbdata/table"]);
    expect(await client.ok(["run", "--rm", "--volumes-from", "store", "busybox", "cat", "/dbdata/table"])).toBe("row");
    await client.ok(["rm", "-v", "store"]);
  });

  test("tmpfs and --read-only", async () => {
    const args = ["run", "--rm", "--read-only", "--tmpfs", "/t:size=1m", "busybox", "sh", "-c"];
    expect(await client.ok([...args, "echo x > /t/x && cat /t/x; df -k /t | tail -1 | awk '{print $2}'"])).toBe(
      "x\n1024",
    );
    expect((await client.run([...args, "echo x > /root/x"])).stderr).toMatch(/Read-only file system/);
  });
};

const SERVE = "mkdir -p /www && echo the page > /www/index.html && exec httpd -f -p 80 -h /www";

export const networkSuite: Suite = (client) => {
  test("a published port answers on the host's addresses and on the container's own", async () => {
    await client.ok(["run", "-d", "--name", "web", "-p", "80", "-p", "127.0.0.1:0:80", "busybox", "sh", "-c", SERVE]);
    const ports = (await client.ok(["port", "web", "80"])).split("\n");
    for (const port of ports.filter((line) => !line.startsWith("["))) {
      const url = `http://${port.replace("0.0.0.0", "127.0.0.1")}/`;
      expect(await until(`${url} answers`, async () => (await fetch(url)).text())).toBe("the page\n");
    }
    const address = await client.ok([
      "inspect",
      "-f",
      "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}",
      "web",
    ]);
    expect(address.startsWith(`${client.daemon.subnet}.`)).toBe(true);
    expect(await (await fetch(`http://${address}/`)).text()).toBe("the page\n");
    expect(await client.ok(["run", "--rm", "busybox", "wget", "-qO-", `http://${address}/`])).toBe("the page");
    await client.ok(["rm", "-f", "web"]);
    const [port] = ports;
    await until(
      "the port is free",
      async () =>
        (await fetch(`http://${port?.replace("0.0.0.0", "127.0.0.1")}/`).catch(() => "refused")) === "refused",
    );
  });

  test("a port that is taken on the host is refused, and nothing stays", async () => {
    const server = createServer().listen(0, "0.0.0.0");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as { port: number };
    try {
      const { stderr, code } = await client.run(["run", "--name", "late", "-p", `${port}:80`, "busybox", "true"]);
      expect(stderr).toMatch(/(address already in use|port is already allocated)/);
      expect(code).toBe(125);
      await client.ok(["rm", "late"]);
    } finally {
      server.close();
    }
  });

  test("two containers cannot publish one port", async () => {
    await client.ok(["run", "-d", "--name", "first", "-p", "127.0.0.1:0:80", "busybox", "sleep", "80"]);
    const port = (await client.ok(["port", "first", "80"])).split(":").at(-1);
    const { stderr } = await client.run(["run", "--rm", "-p", `127.0.0.1:${port}:80`, "busybox", "true"]);
    expect(stderr).toMatch(/Bind for 127\.0\.0\.1:\d+ failed: port is already allocated/);
    await client.ok(["rm", "-f", "first"]);
    expect((await client.run(["run", "--rm", "-p", `127.0.0.1:${port}:80`, "busybox", "true"])).code).toBe(0);
  });

  test("--net none has a loopback only, --net host has the host's links", async () => {
    expect(await client.ok(["run", "--rm", "--net", "none", "busybox", "ls", "/sys/class/net"])).toBe("lo");
    const host = await client.ok(["run", "--rm", "--net", "host", "busybox", "ls", "/sys/class/net"]);
    expect(host.split("\n")).toContain(client.daemon.bridge);
  });

  test("--net container shares another's network", async () => {
    await client.ok(["run", "-d", "--name", "base", "busybox", "sh", "-c", SERVE]);
    const shared = () =>
      client.run(["run", "--rm", "--net", "container:base", "busybox", "wget", "-qO-", "http://127.0.0.1/"]);
    await until("it answers on loopback", async () => (await shared()).stdout === "the page\n");
    await client.ok(["rm", "-f", "base"]);
  });

  test("network ls and inspect show the three defaults and who is attached", async () => {
    const names = await client.ok(["network", "ls", "--format", "{{.Name}}"]);
    expect(names.split("\n").sort()).toEqual(["bridge", "host", "none"]);
    await client.ok(["run", "-d", "--name", "member", "busybox", "sleep", "81"]);
    expect(await client.ok(["network", "inspect", "-f", "{{range .Containers}}{{.Name}}{{end}}", "bridge"])).toBe(
      "member",
    );
    await client.ok(["rm", "-f", "member"]);
  });
};
