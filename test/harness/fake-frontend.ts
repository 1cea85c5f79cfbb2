import { blankRequest } from "../../src/api/build/solve-request.ts";
import { notFound } from "../../src/base/errors.ts";
import type { SolveRequest } from "../../src/builder/builder.ts";
import type { BuildPlan, FrontendDeps, ResolvedImage } from "../../src/builder/frontend/plan.ts";
import { digestOf } from "../../src/formats/oci/digest.ts";
import { formatPlatform, parsePlatformSpecifier } from "../../src/formats/oci/platform.ts";

/** What a frontend is given in tests: files of contexts as text, and images by their canonical reference. */
export interface FakeFrontend {
  request?: Partial<SolveRequest>;
  /** By context, then by path. */
  files?: Record<string, Record<string, string>>;
  /** Config documents by reference; those of `FAKE_IMAGES` are always there. */
  images?: Record<string, Record<string, unknown>>;
}

const DEBIAN = "docker.io/library/debian:12";

/** Small images, as a registry would have them. */
export const FAKE_IMAGES: Record<string, Record<string, unknown>> = {
  "docker.io/library/alpine:latest": {
    config: { Env: ["PATH=/usr/bin:/bin"], Cmd: ["/bin/sh"], WorkingDir: "/" },
    history: [
      { created: "2024-01-01T00:00:00Z", created_by: "ADD rootfs /" },
      { created_by: "CMD", empty_layer: true },
    ],
  },
  "docker.io/library/node:20": {
    config: {
      Env: ["PATH=/usr/local/bin:/bin", "NODE_VERSION=20.1.0"],
      Entrypoint: ["docker-entrypoint.sh"],
      Cmd: ["node"],
      User: "node",
      Labels: { maintainer: "someone" },
      ExposedPorts: { "3000/tcp": {} },
      Volumes: { "/data": {} },
      StopSignal: "SIGQUIT",
      Hostname: "0123456789ab",
    },
    docker_version: "20.10",
  },
  [DEBIAN]: { config: {} },
  "docker.io/library/triggers:latest": {
    config: {
      Env: ["A=1"],
      OnBuild: ["COPY . /app", "RUN make", 'CMD ["app"]', "COPY --from=alpine /etc/os-release /"],
    },
  },
  "docker.io/library/bash:latest": { config: { Shell: ["/bin/bash", "-eo", "pipefail", "-c"], WorkingDir: "home" } },
  "docker.io/library/nolayers:latest": { config: { Env: ["EMPTY=yes"] }, rootfs: { type: "layers", diff_ids: [] } },
  "docker.io/library/badtrigger:latest": { config: { OnBuild: ["FROM alpine"] } },
  "docker.io/library/worsetrigger:latest": { config: { OnBuild: ["NONSENSE here"] } },
};

export const FAKE_REQUEST: SolveRequest = {
  ...blankRequest(),
  context: { kind: "session", name: "context", sharedKey: "test" },
  fileName: "",
};

/** Deps that count what they are asked for. */
export function fakeFrontendDeps({ files = {}, images = {} }: Omit<FakeFrontend, "request">): FrontendDeps & {
  resolved: string[];
  read: string[];
} {
  const known = { ...FAKE_IMAGES, ...images };
  const [resolved, read]: [string[], string[]] = [[], []];
  return {
    resolved,
    read,
    buildPlatform: { os: "linux", architecture: "amd64" },
    async resolveImage(reference, platform): Promise<ResolvedImage> {
      resolved.push(`${reference} ${formatPlatform(platform)}`);
      const document = known[reference];
      if (document === undefined) throw notFound("image", reference);
      return fakeImage(reference, document, formatPlatform(platform));
    },
    async resolveContext(name): Promise<ResolvedImage> {
      throw notFound("image of context", name);
    },
    async readFiles(context, paths) {
      read.push(`${context}: ${paths.join(" ")}`);
      const found = paths.flatMap((path): [string, Uint8Array][] => {
        const text = files[context]?.[path];
        return text === undefined ? [] : [[path, new TextEncoder().encode(text)]];
      });
      return new Map(found);
    },
  };
}

function fakeImage(reference: string, document: Record<string, unknown>, platformText: string): ResolvedImage {
  const digest = digestOf(`${reference} ${platformText}`);
  const platform = parsePlatformSpecifier(platformText);
  const rootfs = { type: "layers", diff_ids: [digest] };
  const whole = { architecture: platform.architecture, os: platform.os, rootfs, ...document };
  const layer = { diffId: digest, digest, sizeBytes: 1, mediaType: "application/vnd.oci.image.layer.v1.tar" };
  const layers = (whole.rootfs as typeof rootfs).diff_ids.map(() => layer) as ResolvedImage["row"]["layers"];
  return {
    row: { id: digest, manifestDigest: digest, layers },
    reference: `${reference}@${digest.slice(0, "sha256:".length + 8)}`,
    document: whole,
    platform,
  };
}

/** A plan as text that can be reviewed: one line for each vertex and each line of history. */
export function formatPlan({ graph, targets, warnings, ignore, ...rest }: BuildPlan): string {
  const vertices = graph.vertices.map(({ op, inputs, name, stage, location, ignoreCache }, index) => {
    const place = location === undefined ? "" : ` @${location.startLine}-${location.endLine}`;
    const from = inputs.length === 0 ? "" : ` <- ${inputs.map((input) => `#${input}`).join(" ")}`;
    const marks = `${stage === "" ? "" : ` {${stage}}`}${place}${ignoreCache ? " !cache" : ""}`;
    return `#${index} ${JSON.stringify(name)}${marks}${from}\n   ${JSON.stringify(withoutDefaults(op))}`;
  });
  const shown = targets.map(({ platform, vertex, base, config, baseHistory, history }) =>
    [
      `target ${formatPlatform(platform)} = #${vertex}, base ${base === undefined ? "none" : `${base.reference} #${base.vertex}`}`,
      `  config ${JSON.stringify(config)}`,
      ...baseHistory.map((line) => `  base ${JSON.stringify(line)}`),
      ...history.map(
        (line) => `  ${line.vertex === undefined ? "-" : `#${line.vertex}`} ${JSON.stringify(line.createdBy)}`,
      ),
    ].join("\n"),
  );
  const others = [
    ...warnings.map(({ rule, message }) => `warning ${rule} ${message}`),
    ...Object.entries(ignore).map(([name, patterns]) => `ignore ${name} ${JSON.stringify(patterns)}`),
    `rest ${JSON.stringify(rest)}`,
  ];
  return `${[...vertices, ...shown, ...others].join("\n")}\n`;
}

/** What most RUNs and COPYs have is left out. */
function withoutDefaults(op: object): object {
  const isDefault = (key: string, value: unknown) =>
    value === undefined ||
    value === "" ||
    value === false ||
    (Array.isArray(value) && value.length === 0) ||
    (key === "resources" && Object.keys(value as object).length === 0) ||
    (key === "network" && value === "default") ||
    (key === "security" && value === "sandbox");
  const shorten = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(shorten);
    if (typeof value !== "object" || value === null) return value;
    const entries = Object.entries(value).filter(([key, item]) => !isDefault(key, item));
    return Object.fromEntries(entries.map(([key, item]) => [key, shorten(item)]));
  };
  return shorten(op) as object;
}
