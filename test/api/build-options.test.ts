import { afterEach, beforeEach, describe, expect, test } from "bun:test";

import { type BuildKitClient, connectBuildKit, type Message, offerSession, refusal } from "./buildkit-peer.ts";
import { CONTROL } from "./buildx-build.ts";
import { createFakeBuilder, readArchive } from "./fake-builder.ts";
import { type ServedApi, serveFake } from "./harness.ts";

let builder = createFakeBuilder();
let api: ServedApi | undefined;
let client: BuildKitClient;

beforeEach(async () => {
  builder = createFakeBuilder();
  api = await serveFake({ builder });
  client = await connectBuildKit(api.socketPath);
});
afterEach(async () => {
  client[Symbol.dispose]();
  await api?.[Symbol.asyncDispose]();
});

function socketPath(): string {
  if (api === undefined) throw new Error("no server");
  return api.socketPath;
}

describe("each FrontendOpt becomes the builder's", () => {
  const cases: [options: Message, expected: Message][] = [
    [
      { filename: "x/Dockerfile", target: "t", hostname: "h" },
      { fileName: "x/Dockerfile", target: "t", hostname: "h" },
    ],
    [{ platform: "linux/amd64,linux/arm64" }, { platforms: ["linux/amd64", "linux/arm64"] }],
    [{ "no-cache": "" }, { noCache: [] }],
    [{ "no-cache": "a,b" }, { noCache: ["a", "b"] }],
    [{ "image-resolve-mode": "pull" }, { pull: true }],
    [
      { "build-arg:SOURCE_DATE_EPOCH": "0", "label:a": "b" },
      { epochSeconds: 0, labels: { a: "b" } },
    ],
    [{ context: "https://x.example/a.git" }, { context: { kind: "git" }, dockerfile: undefined }],
    [
      { context: "https://x.example/a.git?ref=main&subdir=d", contextsubdir: "sub" },
      { context: { kind: "git", url: "https://x.example/a.git?ref=main&subdir=d" }, contextSubdirectory: "sub" },
    ],
    [{ context: "https://x.example/a.tar?from=b.git" }, { context: { kind: "http" } }],
    [
      { "context:base": "docker-image://busybox@sha256:1" },
      { namedContexts: { base: { kind: "image", reference: "busybox@sha256:1" } } },
    ],
    [{ "context:src": "https://x.example/a.tar" }, { namedContexts: { src: { kind: "http" } } }],
    [{ "add-hosts": "a=1.2.3.4,b=::1" }, { extraHosts: ["a:1.2.3.4", "b:::1"] }],
    [{ "force-network-mode": "none" }, { network: "none" }],
    [
      { "shm-size": "67108864", ulimit: "nofile=1:2,nproc=3" },
      {
        shmSizeBytes: 67_108_864,
        ulimits: [
          { name: "nofile", soft: 1, hard: 2 },
          { name: "nproc", soft: 3, hard: 3 },
        ],
      },
    ],
    [
      {
        "cgroup-parent": "p",
        memory: "5",
        memswap: "-1",
        cpushares: "2",
        cpuperiod: "3",
        cpuquota: "4",
        cpusetcpus: "0",
        cpusetmems: "1",
      },
      {
        cgroupParent: "p",
        resources: {
          memoryBytes: 5,
          memorySwapBytes: -1,
          cpuShares: 2,
          cpuPeriodUs: 3,
          cpuQuotaUs: 4,
          cpusetCpus: "0",
          cpusetMems: "1",
        },
      },
    ],
    [
      { "cache-imports": '[{"Type":"registry","Attrs":{"ref":"a"}},{"Type":"local","Attrs":{"src":"x"}}]' },
      {
        cacheFrom: [
          { type: "registry", attributes: { ref: "a" } },
          { type: "local", attributes: { src: "x" } },
        ],
      },
    ],
    [
      { "cache-from": "a,b" },
      {
        cacheFrom: [
          { type: "registry", attributes: { ref: "a" } },
          { type: "registry", attributes: { ref: "b" } },
        ],
      },
    ],
    [{ "attest:provenance": "mode=max", "attest:sbom": "" }, { attestations: { provenance: "max", sbom: true } }],
    [
      { "attest:provenance": "version=v1,builder-id=https://b.example/?a=b,reproducible=true" },
      {
        attestations: {
          provenance: "min",
          sbom: false,
          provenanceVersion: "v1",
          builderId: "https://b.example/?a=b",
          reproducible: true,
        },
      },
    ],
    [{ "attest:provenance": "false" }, { attestations: { provenance: undefined, sbom: false } }],
    [
      { "attest:provenance": "mode=min,inline-only=true", "attest:sbom": "disabled=true" },
      { attestations: { provenance: undefined, sbom: false } },
    ],
    [
      {
        "multi-platform": "true",
        cmdline: "docker/dockerfile:1",
        source: "docker/dockerfile:1",
        "sharedkey:localdir:x": "k",
      },
      {},
    ],
  ];
  test.each(cases)("%j", async (options, expected) => {
    await client.call(`${CONTROL}/Solve`, { Ref: "r", Frontend: "dockerfile.v0", FrontendAttrs: options });
    expect(builder.requests[0] as unknown as Message).toMatchObject(expected);
  });

  test("directories have the client's names and keys, and an archive is uploaded through the session", async () => {
    const archive = Promise.withResolvers<string>();
    builder.onSolve(async ({ request }) => {
      archive.resolve(Buffer.from(await readArchive(request.context)).toString());
    });
    const asked: unknown[] = [];
    using _session = await offerSession(socketPath(), {
      id: "s1",
      sharedKey: "all",
      handlers: {
        "moby.upload.v1.Upload": {
          Pull(stream: Message) {
            asked.push(stream["metadata"].get("urlpath"), stream["metadata"].get("urlhost"));
            stream["write"]({ data: Buffer.from("a ") });
            stream["write"]({ data: Buffer.from("tar") });
            stream["end"]();
          },
        },
      },
    });
    const FrontendAttrs = {
      context: "http://buildkit-session/abc",
      dockerfilekey: "df",
      "context:more": "local:more",
      "sharedkey:localdir:more": "k",
    };
    await client.call(`${CONTROL}/Solve`, { Ref: "r", Session: "s1", Frontend: "dockerfile.v0", FrontendAttrs });
    expect(await archive.promise).toBe("a tar");
    expect(asked).toEqual([["/abc"], ["buildkit-session"]]);
    expect(builder.requests[0]).toMatchObject({
      dockerfile: { kind: "session", name: "df", sharedKey: "all:df" },
      namedContexts: { more: { kind: "session", name: "more", sharedKey: "k" } },
    });
  });

  const refused: [request: Message, text: RegExp][] = [
    [{ Definition: Buffer.from("x") }, /^UNIMPLEMENTED: this engine builds Dockerfiles/],
    [{ Frontend: "gateway.v0", FrontendAttrs: { source: "x/y" } }, /^UNIMPLEMENTED: frontend gateway.v0 \(x\/y\)/],
    [{ FrontendAttrs: { "context:x": "input:y" } }, /^NOT_FOUND: No such input: y/],
    [{ FrontendAttrs: { "context:x": "oci-layout://y" } }, /^INVALID_ARGUMENT: oci-layout reference "y" has no digest/],
    [{ FrontendAttrs: { "context:x": "local:y" } }, /^INVALID_ARGUMENT: context local:y needs a session/],
    [{ FrontendAttrs: { ulimit: "x" } }, /^INVALID_ARGUMENT: invalid ulimit argument: x/],
    [{ FrontendAttrs: { memory: "x" } }, /^INVALID_ARGUMENT: invalid memory: x/],
    [{ FrontendAttrs: { "cache-imports": "{" } }, /^INVALID_ARGUMENT: failed to unmarshal cache-imports/],
    [{ Cache: { Exports: [{ Type: "gha" }] } }, /^INVALID_ARGUMENT: unknown cache exporter: "gha"/],
    [{ Exporters: [{ Type: "tape" }] }, /^INVALID_ARGUMENT: exporter "tape" could not be found/],
  ];
  test.each(refused)("refused: %j", async (request, text) => {
    const all = { Ref: "r", Frontend: "dockerfile.v0", ...request };
    expect(await refusal(client.call(`${CONTROL}/Solve`, all))).toMatch(text);
    expect(builder.requests).toEqual([]);
  });

  test("gateway.v0 with Docker's own frontend is a Dockerfile like any other", async () => {
    const request = { Frontend: "gateway.v0", FrontendAttrs: { source: "docker/dockerfile:1.7@sha256:0" } };
    await client.call(`${CONTROL}/Solve`, { Ref: "r", ...request });
    expect(builder.requests).toHaveLength(1);
  });
});
