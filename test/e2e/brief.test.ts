import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../harness/free-port.ts";
import { until } from "../harness/until.ts";
import { describeShells, IMAGES } from "./brief-shell.ts";

describeShells((shell) => {
  const { sh, refused, typed } = shell;

  test("hello world", async () => {
    expect(await sh("docker run ubuntu /bin/echo 'Hello world'")).toBe("Hello world");
    expect(await sh("docker ps -l --format '{{.Image}} {{.Status}}'")).toMatch(/^ubuntu Exited \(0\)/);
  });

  test("an interactive bash: pwd, ls, exit; it stops, stays, starts again, is removed", async () => {
    const terminal = typed("docker run -t -i --name shell ubuntu /bin/bash");
    try {
      await terminal.expect(/root@[0-9a-f]{12}:\/# /);
      terminal.type("pwd\r");
      await terminal.expect("\r\n/\r\n");
      terminal.type("ls\r");
      await terminal.expect(/bin +.*etc[^]*var/);
      terminal.type("exit\r");
      expect(await terminal.exited).toBe(0);
    } finally {
      terminal.close();
    }
    expect(await sh("docker ps -a --format '{{.Names}} {{.Status}}'")).toMatch(/^shell Exited \(0\)/);
    const again = typed("docker start -a -i shell");
    try {
      again.type("echo $((6 * 7))\r");
      await again.expect("\r\n42\r\n");
      again.type("exit 3\r");
      expect(await again.exited).toBe(3);
    } finally {
      again.close();
    }
    expect(await sh("docker rm shell")).toBe("shell");
    expect(await sh("docker ps -aq")).toBe("");
  });

  test("a loop in the background: ps, logs, stop, ps", async () => {
    const id = await sh('docker run -d ubuntu /bin/sh -c "while true; do echo hello world; sleep 1; done"');
    const row = await sh("docker ps");
    expect(row).toContain(id.slice(0, 12));
    expect(row).toContain('"/bin/sh -c');
    const name = await sh("docker ps --format '{{.Names}}'");
    expect(name).toMatch(/^[a-z]+_[a-z]+\d*$/);
    await until("it speaks", async () => (await sh(`docker logs ${name}`)).startsWith("hello world"));
    expect(await sh(`docker stop -t 1 ${name}`)).toBe(name);
    expect((await sh("docker ps")).split("\n")).toHaveLength(1);
  });

  test("a directory of the user's home served by nginx on a port of the host", async () => {
    mkdirSync(join(shell.home, "docker-nginx/html"), { recursive: true });
    writeFileSync(join(shell.home, "docker-nginx/html/index.html"), "<h1>from home</h1>\n");
    const port = freePort();
    const mount = "-v ~/docker-nginx/html:/usr/share/nginx/html";
    await sh(`docker run --name docker-nginx -p ${port}:80 -d ${mount} nginx nginx -g 'daemon off;'`);
    await until("nginx answers", () => sh(`curl -sS http://localhost:${port}`));
    expect(await sh(`curl -sS http://localhost:${port}`)).toBe("<h1>from home</h1>");
    expect(await sh("docker port docker-nginx 80")).toContain(`0.0.0.0:${port}`);
  });

  test("-P, inspect, stop, rm", async () => {
    await sh("docker run -d -P --expose 80 --name web nginx nginx -g 'daemon off;'");
    const [web] = JSON.parse(await sh("docker inspect web")) as [
      { NetworkSettings: { Ports: Record<string, { HostPort: string }[]> }; State: { Running: boolean } },
    ];
    expect(web.State.Running).toBe(true);
    const port = web.NetworkSettings.Ports["80/tcp"]?.[0]?.HostPort;
    await until("nginx answers", () => sh(`curl -sS -o /dev/null http://localhost:${port}`).then(() => true));
    expect(await sh("docker stop web; docker rm web")).toBe("web\nweb");
  });

  test("a volume of its own, and a directory of the host", async () => {
    const terminal = typed("docker run --name testc2 -t -i -v /webapp centos /bin/bash");
    try {
      await terminal.expect(/:\/# /);
      terminal.type("echo kept > /webapp/file; exit\r");
      expect(await terminal.exited).toBe(0);
    } finally {
      terminal.close();
    }
    const source = await sh("docker inspect -f '{{(index .Mounts 0).Source}}' testc2");
    expect(readFileSync(join(source, "file"), "utf8")).toBe("kept\n");
    expect(await sh("docker rm -v testc2")).toBe("testc2");
    expect(existsSync(source)).toBe(false);
    expect(
      await sh(`docker run --rm -v ${shell.home}/test:/webapp centos touch /webapp/made; ls ${shell.home}/test`),
    ).toBe("made");
  });

  test("bash's history, one file of the home", async () => {
    writeFileSync(join(shell.home, ".bash_history"), "echo earlier\n");
    const terminal = typed("docker run --rm -it -v ~/.bash_history:/root/.bash_history ubuntu /bin/bash");
    try {
      await terminal.expect(/:\/# /);
      terminal.type("history\r");
      await terminal.expect(/1 +echo earlier/);
      terminal.type("exit\r");
      expect(await terminal.exited).toBe(0);
    } finally {
      terminal.close();
    }
    expect(readFileSync(join(shell.home, ".bash_history"), "utf8")).toBe("echo earlier\nhistory\nexit\n");
  });

  test("a data volume container: shared by two, backed up, restored elsewhere", async () => {
    await sh("docker create -v /dbdata --name dbstore mysql /bin/true");
    const server = "-e MYSQL_ROOT_PASSWORD=my-secret-pw -d mysql sleep 1000";
    await sh(`docker run --name mysql01 --volumes-from dbstore ${server}`);
    await sh(`docker run --name mysql02 --volumes-from dbstore ${server}`);
    const terminal = typed("docker exec -it mysql01 bash");
    try {
      await terminal.expect(/:\/# /);
      terminal.type("echo $MYSQL_ROOT_PASSWORD > /dbdata/row; exit\r");
      expect(await terminal.exited).toBe(0);
    } finally {
      terminal.close();
    }
    expect(await sh("docker exec mysql02 cat /dbdata/row")).toBe("my-secret-pw");

    const backup = "docker run --rm --volumes-from dbstore -v $(pwd):/backup ubuntu tar cvf /backup/backup.tar /dbdata";
    expect(await sh(backup)).toBe("/dbdata/\n/dbdata/row");
    await sh("docker run -v /dbdata --name dbstore2 ubuntu /bin/bash");
    const unpack = 'bash -c "cd /dbdata && tar xvf /backup/backup.tar --strip 1"';
    await sh(`docker run --rm --volumes-from dbstore2 -v $(pwd):/backup ubuntu ${unpack}`);
    expect(await sh("docker run --rm --volumes-from dbstore2 ubuntu cat /dbdata/row")).toBe("my-secret-pw");
    await sh("docker rm -f -v mysql01 mysql02 dbstore dbstore2");
    expect(await sh("docker volume ls -q")).toBe("");
  });

  test("networks: the three there are, none and host", async () => {
    const names = (await sh("docker network ls --format '{{.Name}} {{.Driver}} {{.Scope}}'")).split("\n");
    expect(names.sort()).toEqual(["bridge bridge local", "host host local", "none null local"]);
    await sh("docker run -d --name member ubuntu sleep 1000");
    const [bridge] = JSON.parse(await sh("docker network inspect bridge")) as [
      { IPAM: { Config: { Subnet: string; Gateway: string }[] }; Containers: Record<string, { Name: string }> },
    ];
    expect(bridge.IPAM.Config[0]).toMatchObject({
      Subnet: `${shell.daemon.subnet}.0/24`,
      Gateway: `${shell.daemon.subnet}.1`,
    });
    expect(Object.values(bridge.Containers).map(({ Name }) => Name)).toEqual(["member"]);
    expect(await sh("docker run --rm --net=none ubuntu ls /sys/class/net")).toBe("lo");
    const links = (await sh("docker run --rm --net=host ubuntu ls /sys/class/net")).split("\n");
    expect(links).toContain(shell.daemon.bridge);
    expect(await refused("docker network rm bridge")).toContain("pre-defined network and cannot be removed");
  });

  test("images, and what the host is", async () => {
    const names = (await sh("docker images --format '{{.Repository}}:{{.Tag}}'")).split("\n").sort();
    expect(names).toEqual([...IMAGES, "busybox", "debian"].map((image) => `${image}:latest`).sort());
    const info = await sh("docker info");
    for (const line of [/Storage Driver: overlay2/, /Backing Filesystem: \S+/, /Images: 2/, /Server Version: \S+/])
      expect(info).toMatch(line);
  });

  test("a name with capitals is no repository", async () => {
    expect(await refused("docker tag ubuntu localhost:5000/Ubuntu:v4")).toMatch(
      /repository name (\(Ubuntu\) )?must be lowercase/,
    );
    const id = await sh("docker images -q ubuntu");
    await sh(`docker tag ${id} localhost:5000/myubuntu && docker run --rm localhost:5000/myubuntu true`);
    expect(await sh("docker rmi localhost:5000/myubuntu")).toBe("Untagged: localhost:5000/myubuntu:latest");
  });

  test("nothing is left when every container is removed", async () => {
    expect(await shell.daemon.leakCheck()).toEqual([]);
  });
});
