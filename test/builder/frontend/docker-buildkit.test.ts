import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { BuildPlan } from "../../../src/builder/frontend/plan.ts";
import { planBuild } from "../../../src/builder/frontend/plan-build.ts";
import { type Dockerd, startDockerd, whyNoDockerd } from "../../harness/dockerd.ts";
import { FAKE_REQUEST, fakeFrontendDeps } from "../../harness/fake-frontend.ts";

const reason = whyNoDockerd();
const BASE = "gantry-base:1";

/**
 * The same Dockerfiles for BuildKit of docker 20.10 and for our frontend: config and history have to be the same texts. Left out is what
 * later versions of BuildKit write otherwise, and we as they do: EXPOSE, HEALTHCHECK, an ARG that is declared twice.
 */
const CASES: [name: string, dockerfile: string, args?: Record<string, string>][] = [
  ["scratch", 'FROM scratch\nCOPY busybox /sh\nENTRYPOINT ["/sh"]\n'],
  [
    "variables",
    'FROM gantry-base:1\nENV A="x y" B=\'$A\' C=\\$A D=${A:+set} E=${F:-unset}\nENV G legacy $A value\nLABEL a=$A "b c"="d\\"e"\nRUN true "$A"\n',
  ],
  [
    "arguments",
    "ARG V=1\nFROM gantry-base:1\nARG V\nARG W=$V$A X\nARG Y=default\nENV Z=$W\nRUN echo $W\n",
    { X: "given", Y: "given" },
  ],
  ["an ARG behind an ENV of the same name", "FROM gantry-base:1\nARG A=arg\nRUN echo $A\nENV A=env\nRUN echo $A\n"],
  [
    "proxies",
    "FROM gantry-base:1\nRUN true\nARG http_proxy\nRUN true\n",
    { http_proxy: "http://127.0.0.1:9", HTTPS_PROXY: "http://127.0.0.1:9" },
  ],
  [
    "command and entrypoint",
    'FROM gantry-base:1 AS a\nCMD ["own"]\nENTRYPOINT echo $HOME\nFROM a\nENTRYPOINT ["/e", "q\\"\\t"]\n',
  ],
  ["a shell of its own", 'FROM gantry-base:1\nSHELL ["/bin/sh", "-ec"]\nRUN true | true\nCMD echo "a b"\n'],
  [
    "directories",
    "FROM gantry-base:1\nWORKDIR sub/../other\nENV D=deep\nWORKDIR ./$D/\nCOPY busybox .\nCOPY busybox ../z\nWORKDIR /\nRUN pwd\n",
  ],
  [
    "volumes, user, signal",
    'FROM gantry-base:1\nVOLUME /a /b\nVOLUME ["/c d"]\nUSER 1000:50\nSTOPSIGNAL SIGUSR1\nMAINTAINER Some One <a@b>\n',
  ],
  [
    "copies",
    "FROM gantry-base:1 AS one\nCOPY --chown=1:2 busybox busyb*x /x/\nCOPY --chmod=0700 busybox /y\nFROM scratch\nCOPY --from=one /x /y /z/\nCOPY --from=0 /bin/sh /\nADD busybox /w\n",
  ],
  ["stages", "FROM gantry-base:1 AS one\nENV ONE=1\nRUN true\nFROM one AS two\nLABEL l=2\nFROM two\nRUN echo $ONE\n"],
  [
    "triggers",
    "FROM gantry-base:1 AS p\nONBUILD ENV T=1\nONBUILD RUN echo $T\nFROM p\nRUN true own\nONBUILD COPY . .\n",
  ],
  [
    "continuations and quotes",
    'FROM gantry-base:1\nRUN echo a \\\n  # comment\n  \'b  c\' \\\n\n  && true\nRUN ["echo", "x y", "$A"]\n',
  ],
  ["platform arguments", "FROM gantry-base:1\nARG TARGETPLATFORM\nARG TARGETARCH\nARG BUILDOS\nRUN echo $TARGETARCH\n"],
];

describe.skipIf(reason !== undefined)(
  `config and history are BuildKit's${reason === undefined ? "" : ` (${reason})`}`,
  () => {
    let dockerd: Dockerd;
    let context: string;

    beforeAll(async () => {
      dockerd = await startDockerd({ name: "frontend" });
      context = join(dockerd.directory, "context");
      mkdirSync(context);
      copyFileSync("/bin/busybox", join(context, "busybox"));
      chmodSync(join(context, "busybox"), 0o755);
      await build(
        'FROM scratch\nCOPY busybox /bin/sh\nCOPY busybox /bin/echo\nCOPY busybox /bin/true\nCOPY busybox /bin/pwd\nENV PATH=/bin A=base\nCMD ["base"]\nLABEL base=1\n',
        {},
        BASE,
      );
    }, 60_000);

    afterAll(async () => {
      await dockerd?.[Symbol.asyncDispose]();
    });

    async function build(dockerfile: string, args: Record<string, string>, tag: string): Promise<void> {
      writeFileSync(join(context, "Dockerfile"), dockerfile);
      const flags = Object.entries(args).flatMap(([name, value]) => ["--build-arg", `${name}=${value}`]);
      const command = ["build", "--network=host", "-q", "-t", tag, ...flags, context];
      const { code, stderr } = await dockerd.docker(command, { env: { DOCKER_BUILDKIT: "1" } });
      if (code !== 0) throw new Error(stderr);
    }

    /** The image's config, and its history, oldest first. */
    async function image(tag: string): Promise<{ config: Record<string, unknown>; history: string[] }> {
      const inspected = await dockerd.docker(["image", "inspect", tag]);
      const history = await dockerd.docker(["history", "--no-trunc", "--format", "{{json .CreatedBy}}", tag]);
      const [{ Config }] = JSON.parse(inspected.stdout) as [{ Config: Record<string, unknown> }];
      const lines = history.stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as string);
      return { config: withoutEmpty(Config), history: lines.reverse().map(withoutValue) };
    }

    for (const [name, dockerfile, args = {}] of CASES) {
      test(name, async () => {
        const base = await image(BASE);
        const document = {
          architecture: "amd64",
          os: "linux",
          config: base.config,
          rootfs: { type: "layers", diff_ids: [] },
        };
        const deps = fakeFrontendDeps({
          files: { context: { Dockerfile: dockerfile } },
          images: { [`docker.io/library/${BASE}`]: document },
        });
        const plan = await planBuild({ ...FAKE_REQUEST, buildArgs: args, entitlements: ["network.host"] }, deps);
        await build(dockerfile, args, "gantry-built:1");
        const theirs = await image("gantry-built:1");
        expect({ config: configOf(plan), history: historyOf(plan) }).toEqual({
          config: theirs.config,
          history: dockerfile.includes("FROM scratch") ? theirs.history : theirs.history.slice(base.history.length),
        });
      }, 60_000);
    }
  },
);

function configOf({ targets }: BuildPlan): Record<string, unknown> {
  return withoutEmpty(targets[0]?.config.config as Record<string, unknown>);
}

function historyOf({ targets }: BuildPlan): string[] {
  return targets[0]?.history.map(({ createdBy }) => withoutValue(createdBy)) ?? [];
}

/** 20.10 shows the default of an ARG, later ones the value. */
function withoutValue(line: string): string {
  return line.startsWith("ARG ") ? line.replaceAll(/=\S*/g, "") : line;
}

/** What Docker's API adds is empty or off. */
function withoutEmpty(config: Record<string, unknown>): Record<string, unknown> {
  const isEmpty = (value: unknown) =>
    value === null || value === "" || value === false || (Array.isArray(value) && value.length === 0);
  return Object.fromEntries(Object.entries(config).filter(([, value]) => !isEmpty(value)));
}
