import { beforeEach, expect, test } from "bun:test";
import { buildOwnImage } from "../fixtures/own-images.ts";
import { freePort } from "../harness/free-port.ts";
import { until } from "../harness/until.ts";
import { describeShells, type Shell } from "./brief-shell.ts";

/** Docker's commands about registries, with a registry in a container. It is a mirror of Docker Hub, too: no other can be asked. */
const port = freePort();
const registry = `localhost:${port}`;

/** As people start one. */
async function startRegistry({ daemon, sh }: Shell): Promise<void> {
  if ((await sh("docker images -q registry")) === "") await buildOwnImage(daemon, "registry");
  await sh(`docker run -d -p ${port}:5000 --restart=always --name registry registry`);
  await until("the registry answers", async () => (await fetch(`http://127.0.0.1:${port}/v2/`)).ok);
}

describeShells(
  (shell) => {
    const { sh, refused } = shell;
    beforeEach(() => startRegistry(shell));

    test("tag, push, remove, pull: the image is the same, and runs", async () => {
      const id = await sh("docker images -q --no-trunc ubuntu");
      await sh(`docker tag ubuntu ${registry}/ubuntu`);
      const pushed = await sh(`docker push ${registry}/ubuntu`);
      expect(pushed).toContain(`The push refers to repository [${registry}/ubuntu]`);
      const digest = /latest: digest: (sha256:[0-9a-f]{64}) size: \d+/.exec(pushed)?.[1] ?? "";
      await sh(`docker rmi ${registry}/ubuntu`);
      const pulled = await sh(`docker pull ${registry}/ubuntu`);
      expect(pulled).toContain(`Digest: ${digest}\nStatus: Downloaded newer image for ${registry}/ubuntu:latest`);
      expect(await sh(`docker images -q --no-trunc ${registry}/ubuntu`)).toBe(id);
      expect(await sh(`docker run --rm ${registry}/ubuntu@${digest} /bin/echo 'Hello world'`)).toBe("Hello world");
      await sh(`docker rmi ${registry}/ubuntu`);
    });

    test("run pulls what is missing; what nobody has is told in Docker's words", async () => {
      await sh(`docker tag busybox ${registry}/tools && docker push ${registry}/tools && docker rmi ${registry}/tools`);
      expect(await sh(`docker run --rm ${registry}/tools echo here`)).toBe("here");
      expect(await refused(`docker run --rm ${registry}/nothing`)).toMatch(
        /repository \S+nothing:latest not found|manifest for \S+nothing:latest not found/,
      );
      await sh(`docker rmi -f ${registry}/tools`);
    });

    test("commit a container, push it, run it elsewhere with a published port", async () => {
      const page = "echo committed > /usr/share/nginx/html/index.html";
      const container = await sh(`docker run -d centos /bin/bash -c "${page} && sleep 1000"`);
      await until("the page is there", () =>
        sh(`docker exec ${container} grep committed /usr/share/nginx/html/index.html`),
      );
      const id = await sh(`docker commit -m "Web Server" -a Mohan ${container} ${registry}/centosweb:v2`);
      expect(id).toMatch(/^sha256:[0-9a-f]{64}$/);
      expect(await sh(`docker inspect -f '{{.Author}} {{.Comment}}' ${registry}/centosweb:v2`)).toBe(
        "Mohan Web Server",
      );
      await sh(
        `docker push ${registry}/centosweb:v2 && docker rm -f ${container} && docker rmi -f ${registry}/centosweb:v2`,
      );
      const at = freePort();
      await sh(`docker run -p ${at}:80 -d ${registry}/centosweb:v2 /bin/bash -c "exec nginx -g 'daemon off;'"`);
      await until("the page is served", async () => (await sh(`curl -sS http://localhost:${at}`)) === "committed");
      expect(await sh(`docker images -q --no-trunc ${registry}/centosweb`)).toBe(id);
    });

    test("search, in a registry by its name and where nothing is said; pull from Docker Hub's mirror", async () => {
      const push = (name: string) => `docker tag busybox ${registry}/${name} && docker push ${registry}/${name}`;
      await sh(`${push("training/sinatra")} && ${push("library/alpine")}`);
      expect(await sh(`docker search ${registry}/sinatra`)).toContain("training/sinatra");
      expect(await sh("docker search sinatra")).toContain("training/sinatra");
      expect(await sh("docker pull training/sinatra")).toContain("Downloaded newer image for training/sinatra:latest");
      expect(await sh("docker run --rm alpine echo from the mirror")).toContain("from the mirror");
      await sh(`docker rmi -f training/sinatra alpine ${registry}/training/sinatra ${registry}/library/alpine`);
    });

    test("log in and out", async () => {
      expect(await sh(`echo secret | docker login -u me --password-stdin ${registry}`)).toContain("Login Succeeded");
      expect(await sh(`docker logout ${registry}`)).toBe(`Removing login credentials for ${registry}`);
    });

    test("the registry comes back after its process was killed, with all it had", async () => {
      await sh(`docker tag busybox ${registry}/kept && docker push ${registry}/kept`);
      const pid = await sh("docker inspect -f '{{.State.Pid}}' registry");
      process.kill(Number(pid), "SIGKILL");
      await until("another process serves", async () => {
        const now = await sh("docker inspect -f '{{.State.Pid}} {{.State.Running}}' registry");
        return now.endsWith(" true") && !now.startsWith(`${pid} `) && (await fetch(`http://127.0.0.1:${port}/v2/`)).ok;
      });
      expect(await sh(`docker pull ${registry}/kept`)).toContain("Image is up to date");
      await sh(`docker rmi -f ${registry}/kept`);
    });

    test("nothing is left when every container is removed", async () => {
      expect(await shell.daemon.leakCheck()).toEqual([]);
    });
  },
  () => ({ flags: ["--registry-mirror", `http://127.0.0.1:${port}`] }),
);
