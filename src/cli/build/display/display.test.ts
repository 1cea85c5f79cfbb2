import { describe, expect, test } from "bun:test";
import type { WireBuildEvent, WireBuildWarning } from "../../../wire/build-messages.ts";
import { ANSI } from "../../paint.ts";
import { warningsText, wholeWarning } from "./build-display.ts";
import { BuildState } from "./build-state.ts";
import { failureText } from "./failure-text.ts";
import { LiveProgress } from "./live.ts";
import { PlainProgress } from "./plain.ts";
import { rawLine } from "./raw-json.ts";

const T0 = 1_700_000_000_000;

interface Vertex {
  from?: number;
  to?: number;
  cached?: boolean;
  error?: string;
}

/** `from` and `to`: milliseconds after the beginning. */
function vertex(id: string, name: string, { from, to, cached = false, error = "" }: Vertex = {}): WireBuildEvent {
  const at = (ms: number | undefined) => (ms === undefined ? null : T0 + ms);
  return {
    Vertex: {
      Digest: id,
      Inputs: [],
      Name: name,
      StartedAt: at(from),
      CompletedAt: at(to),
      Cached: cached,
      Error: error,
      Stage: "",
      Step: "",
    },
  };
}

function log(id: string, text: string, ms: number): WireBuildEvent {
  return { Log: { Vertex: id, Stream: 1, Data: Buffer.from(text).toString("base64"), At: T0 + ms } };
}

function transfer(
  id: string,
  name: string,
  progress: { current: number; total?: number; from: number; to?: number },
): WireBuildEvent {
  const { current, total = 0, from, to } = progress;
  return {
    Progress: {
      Vertex: id,
      Id: name,
      Name: name,
      Current: current,
      Total: total,
      StartedAt: T0 + from,
      CompletedAt: to === undefined ? null : T0 + to,
    },
  };
}

const BUILD: [ms: number, WireBuildEvent][] = [
  [0, vertex("d", "[internal] load build definition from Dockerfile", { from: 0 })],
  [10, transfer("d", "transferring dockerfile:", { current: 120, from: 0, to: 10 })],
  [10, vertex("d", "[internal] load build definition from Dockerfile", { from: 0, to: 10 })],
  [20, vertex("f", "[build 1/3] FROM docker.io/library/debian:12", { from: 20, to: 20, cached: true })],
  [30, vertex("r", "[build 2/3] RUN make", { from: 30 })],
  [40, vertex("c", "[internal] load build context", { from: 40 })],
  [130, log("r", "one\ntw", 130)],
  [200, transfer("c", "transferring context:", { current: 2_500_000, total: 5_000_000, from: 40 })],
  [300, log("r", "o\r\nthree", 300)],
  [400, transfer("c", "transferring context:", { current: 5_000_000, total: 5_000_000, from: 40, to: 400 })],
  [400, vertex("c", "[internal] load build context", { from: 40, to: 400 })],
  [1530, vertex("r", "[build 2/3] RUN make", { from: 30, to: 1530 })],
  [1540, vertex("x", "exporting to image", { from: 1540, to: 1600 })],
];

function plain(events: readonly [number, WireBuildEvent][]): string {
  const progress = new PlainProgress();
  const text = events.map(([ms, event]) => progress.update([event], T0 + ms)).join("");
  return text + progress.finish(T0 + 2000);
}

describe("plain", () => {
  test("each step in one piece, in buildx's look", () => {
    expect(plain(BUILD)).toBe(`#1 [internal] load build definition from Dockerfile
#1 transferring dockerfile: 120B done
#1 DONE 0.0s

#2 [build 1/3] FROM docker.io/library/debian:12
#2 CACHED

#3 [build 2/3] RUN make
#3 0.100 one
#3 0.270 two
#3 1.500 three
#3 DONE 1.5s

#4 [internal] load build context
#4 transferring context: 2.5MB / 5MB 0.2s
#4 transferring context: 5MB / 5MB 0.4s done
#4 DONE 0.4s

#5 exporting to image
#5 DONE 0.1s

`);
  });

  test("a batch says the same as its events one by one", () => {
    const events = BUILD.slice(0, 4).map(([, event]) => event);
    expect(new PlainProgress().update(events, T0 + 20)).toBe(plain(BUILD.slice(0, 4)));
  });

  test("a step that says nothing gives way, and says so", () => {
    expect(
      plain([
        [0, vertex("a", "RUN sleep", { from: 0 })],
        [100, vertex("b", "RUN echo", { from: 100 })],
        [1200, log("b", "hello\n", 1200)],
        [1300, vertex("a", "RUN sleep", { from: 0, to: 1300 })],
        [1400, vertex("b", "RUN echo", { from: 100, to: 1400 })],
      ]),
    ).toBe(`#1 RUN sleep
#1 ...

#2 RUN echo
#2 1.100 hello
#2 DONE 1.3s

#1 RUN sleep
#1 DONE 1.3s

`);
  });

  test("an error stands in the place of DONE; what had not ended says that it goes on", () => {
    expect(
      plain([
        [0, vertex("a", "RUN false", { from: 0 })],
        [0, vertex("b", "RUN sleep", { from: 0 })],
        [500, vertex("a", "RUN false", { from: 0, to: 500, error: "exit code: 1" })],
      ]),
    ).toBe("#1 RUN false\n#1 ERROR: exit code: 1\n\n#2 RUN sleep\n#2 ...\n\n");
  });
});

describe("on a terminal", () => {
  function live(until: number) {
    const progress = new LiveProgress(T0);
    for (const [ms, event] of BUILD) if (ms <= until) progress.update([event], T0 + ms);
    return progress;
  }

  test("what runs is shown with its output and its bar", () => {
    expect(live(300).render({ columns: 60, rows: 20, nowMs: T0 + 330 })).toEqual([
      "[+] Building 0.3s (2/4)",
      " => [internal] load build definition from Dockerfile    0.0s",
      " => => transferring dockerfile: 120B                    0.0s",
      " => CACHED [build 1/3] FROM docker.io/library/debian    0.0s",
      " => [build 2/3] RUN make                                0.3s",
      " => => # one",
      " => => # two",
      " => => # three",
      " => [internal] load build context                       0.3s",
      " => => transferring context: 2.5MB / 5MB                0.3s",
    ]);
    expect(
      live(300)
        .render({ columns: 80, rows: 20, nowMs: T0 + 330 })
        .at(-1),
    ).toBe(" => => transferring context: 2.5MB / 5MB [==========          ]             0.3s");
  });

  test("a low terminal keeps what runs", () => {
    const lines = live(300).render({ columns: 60, rows: 4, nowMs: T0 + 330 });
    expect(lines.length).toBe(4);
    expect(lines.slice(0, 2)).toEqual([
      "[+] Building 0.3s (2/4)",
      " => [build 2/3] RUN make                                0.3s",
    ]);
    for (let rows = 1; rows < 12; rows++) {
      expect(live(300).render({ columns: 30, rows, nowMs: T0 + 330 }).length).toBeLessThanOrEqual(rows);
    }
  });

  test("at the end every step stays, without its output", () => {
    expect(live(2000).summary({ columns: 60, nowMs: T0 + 1600, outcome: "FINISHED" })).toBe(
      `[+] Building 1.6s (5/5) FINISHED
 => [internal] load build definition from Dockerfile    0.0s
 => => transferring dockerfile: 120B                    0.0s
 => CACHED [build 1/3] FROM docker.io/library/debian    0.0s
 => [build 2/3] RUN make                                1.5s
 => [internal] load build context                       0.4s
 => => transferring context: 5MB / 5MB                  0.4s
 => exporting to image                                  0.1s
`,
    );
  });

  test("no line is wider than the terminal, whatever a program writes", () => {
    const progress = new LiveProgress(T0, ANSI);
    progress.update([vertex("a", `RUN ${"あ".repeat(60)}`, { from: 0 })], T0);
    progress.update(
      [log("a", `\u001b[31mred\u001b[0m\u0007 10%\r 20%\r\n${"漢".repeat(50)}\u001b]0;title\u0007\n`, 10)],
      T0 + 10,
    );
    for (const line of progress.render({ columns: 40, rows: 20, nowMs: T0 + 20 })) {
      expect(Bun.stringWidth(line)).toBeLessThanOrEqual(40);
      expect(Bun.stripANSI(line)).not.toMatch(/\p{Cc}/u);
    }
  });

  test("colours tell done, failed and running apart", () => {
    const progress = new LiveProgress(T0, ANSI);
    progress.update(
      [
        vertex("a", "done", { from: 0, to: 1 }),
        vertex("b", "bad", { from: 0, to: 1, error: "x" }),
        vertex("c", "runs", { from: 0 }),
      ],
      T0,
    );
    const [, done = "", bad = "", runs = ""] = progress.render({ columns: 40, rows: 20, nowMs: T0 });
    expect([done.slice(0, 5), bad.slice(0, 5), runs.slice(0, 8)]).toEqual(["\u001b[36m", "\u001b[31m", " => runs"]);
  });
});

test("a failure shows the step's output, the lines of the Dockerfile, the error", () => {
  const state = new BuildState();
  state.apply(
    [vertex("a", "[2/2] RUN make", { from: 0 }), log("a", "cc x.c\n\u001b[31mx.c:1: bad\u001b[0m\n", 120)],
    T0,
  );
  state.apply(
    [
      vertex("a", "[2/2] RUN make", { from: 0, to: 300, error: "exit code: 2" }),
      vertex("b", "RUN other", { from: 0, to: 300, error: "context canceled" }),
    ],
    T0,
  );
  const message =
    'Dockerfile:2\n--------------------\n   1 |     FROM a\n   2 | >>> RUN make\n--------------------\nprocess "make" did not complete successfully: exit code: 2';
  expect(failureText(state, message)).toBe(`------
 > [2/2] RUN make:
0.120 cc x.c
0.120 x.c:1: bad
------
Dockerfile:2
--------------------
   1 |     FROM a
   2 | >>> RUN make
--------------------
ERROR: failed to build: failed to solve: process "make" did not complete successfully: exit code: 2`);
  expect(failureText(new BuildState(), "failed to solve: no")).toBe("ERROR: failed to build: failed to solve: no");
});

const WARNING: WireBuildWarning = {
  Rule: "StageNameCasing",
  Description: "Stage names should be lowercase",
  Url: "https://docs.example.com/rule",
  Message: "Stage name 'Foo' should be lowercase",
  FileName: "Dockerfile",
  Locations: [{ Start: 1, End: 1 }],
  Source: "FROM x AS Foo\nRUN make\n",
};

test("warnings are told in a line each, or whole", () => {
  expect(warningsText([], false)).toBe("");
  expect(warningsText([WARNING], false)).toBe(
    " 1 warning found (use --debug to expand):\n - StageNameCasing: Stage name 'Foo' should be lowercase (line 1)\n",
  );
  expect(wholeWarning(WARNING)).toBe(`
WARNING: StageNameCasing - https://docs.example.com/rule
Stage names should be lowercase
More info: Stage name 'Foo' should be lowercase

Dockerfile:1
--------------------
   1 | >>> FROM x AS Foo
   2 |     RUN make
   3 |     
--------------------
`);
  expect(warningsText([WARNING, WARNING], true)).toStartWith(" 2 warnings found:\n\nWARNING: StageNameCasing");
});

test("rawjson has buildx's fields", () => {
  const line = JSON.parse(
    rawLine([
      vertex("a", "n", { from: 0, to: 5, cached: true }),
      log("a", "x\n", 3),
      { Warning: { Vertex: "a", Warning: WARNING } },
    ]),
  ) as Record<string, unknown[]>;
  expect(line["vertexes"]).toEqual([
    {
      digest: "a",
      name: "n",
      started: "2023-11-14T22:13:20.000Z",
      completed: "2023-11-14T22:13:20.005Z",
      cached: true,
    },
  ]);
  expect(line["logs"]).toEqual([{ vertex: "a", stream: 1, data: "eAo=", timestamp: "2023-11-14T22:13:20.003Z" }]);
  expect(line["warnings"]).toMatchObject([
    { vertex: "a", url: "https://docs.example.com/rule", range: [{ start: { line: 1 }, end: { line: 1 } }] },
  ]);
});

test("output that never ends a line is cut, and its end is kept", () => {
  const state = new BuildState();
  state.apply([vertex("a", "n", { from: 0 })], T0);
  for (let count = 0; count < 100; count++) state.apply([log("a", "x".repeat(10_000), 1)], T0);
  const [step] = state.steps.values();
  expect(step?.tail.length).toBeLessThanOrEqual(30);
  expect(Math.max(...(step?.tail.map(({ text }) => text.length) ?? []))).toBeLessThan(80_000);
});
