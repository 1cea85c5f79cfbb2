import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connectBuildKit, type Message, offerSession } from "../api/buildkit-peer.ts";
import { buildAsBuildx, CONTROL } from "../api/buildx-build.ts";
import { fileSync } from "../api/session-handlers.ts";
import { type Dockerd, startDockerd, whyNoDockerd } from "../harness/dockerd.ts";

const FILES = [
  { path: "Dockerfile", content: "FROM scratch\nCOPY hello.txt /\nLABEL a=b\n" },
  { path: "hello.txt", content: "hello\n" },
];

/**
 * The client that our tests have in the place of buildx (`test/api/buildkit-peer.ts`) does its work against Docker's own BuildKit:
 * its messages, its session and the order of its calls are what a real server takes.
 */
describe.skipIf(whyNoDockerd() !== undefined)(
  `the tests' BuildKit client and dockerd (${whyNoDockerd() ?? "here"})`,
  () => {
    let dockerd: Dockerd;
    beforeAll(async () => {
      dockerd = await startDockerd({ name: "dockertest0" });
    });
    afterAll(() => dockerd?.[Symbol.asyncDispose]());

    test("build an image from a directory of the client, by the bridge", async () => {
      using client = await connectBuildKit(dockerd.socket);
      using _session = await offerSession(dockerd.socket, {
        id: "session-1",
        handlers: fileSync({ context: FILES, dockerfile: FILES }),
      });
      const status = client.collect(`${CONTROL}/Status`, { Ref: "ref-1" });
      const { answer, result, capabilities } = await buildAsBuildx(client, {
        ref: "ref-1",
        options: { filename: "Dockerfile", "image-resolve-mode": "local" },
        solve: { Session: "session-1", Exporter: "moby", ExporterAttrs: { name: "docker.io/library/peer:latest" } },
        // Its BuildKit is from before that call.
        evaluate: false,
      });
      expect(capabilities).toContain("gateway.solve.metadata");
      expect(JSON.parse(String(result["metadata"]["containerimage.config"])).config.Labels).toEqual({ a: "b" });
      expect(answer["ExporterResponse"]).toEqual({ "containerimage.digest": expect.stringMatching(/^sha256:/) });
      const names = (await status).flatMap(({ vertexes }) => vertexes.map(({ name }: Message) => name as string));
      expect(names).toContain("[1/1] COPY hello.txt /");
      const listed = await dockerd.docker(["images", "--format", "{{.Repository}}", "peer"]);
      expect(listed.stdout.trim()).toBe("peer");
    });

    test("and read what it has", async () => {
      using client = await connectBuildKit(dockerd.socket);
      const { record } = await client.call(`${CONTROL}/DiskUsage`, {});
      expect(record.map(({ RecordType }: Message) => RecordType as string)).toContain("source.local");
    });
  },
);
