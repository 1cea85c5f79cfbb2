import { jsonLines } from "../../client/json-lines.ts";
import type { WireProgress } from "../../wire/progress.ts";
import type { CliContext } from "../command.ts";
import { printable } from "../printable.ts";
import { ReportedError } from "../reported-error.ts";
import { type Transfer, transferLine } from "./bar.ts";
import { openLiveArea } from "./live-area.ts";
import { noteOf, progressText } from "./progress-text.ts";
import { Speed } from "./speed.ts";
import { finalLine, transferLines } from "./transfer-lines.ts";
import { applyLine, type Group } from "./transfer-state.ts";

/**
 * Progress streams of the daemon (load, import, pull, push), several at a time. On a terminal the layers are drawn in place and
 * stay when they are all done; elsewhere each change of state is a line.
 */
export interface ProgressDisplay {
  /** Shows one stream to its end. Throws ReportedError with what the daemon reports. */
  show(body: AsyncIterable<Uint8Array>, about?: StreamSubject): Promise<void>;
  /** Counts bytes that we send. */
  advance(bytes: number): void;
  /** Whoever opens a display ends it, also on an error. */
  end(): Promise<void>;
}

export interface StreamSubject {
  /** Tells several streams apart. */
  title?: string;
  /** The host that the daemon talks to; "" where it is none, or Docker Hub. */
  registry?: string;
}

export interface DisplayOptions {
  /** Only errors. */
  quiet: boolean;
  /** False: nothing is drawn, even on a terminal. Default: unless quiet. */
  drawn?: boolean;
  /** Where lines that stay go. */
  lines: "out" | "err";
  /** Where the layers are drawn. */
  area: "out" | "err";
  /** What we send ourselves; shown above the layers. */
  upload?: { label: string; totalBytes?: number };
}

export async function openProgressDisplay(context: CliContext, options: DisplayOptions): Promise<ProgressDisplay> {
  const groups = new Set<Group>();
  const upload: Transfer | undefined = options.upload && { ...options.upload, currentBytes: 0 };
  const speed = new Speed();
  /** Moved for layers that are shown no more. */
  let settledBytes = 0;
  const settle = (group: Group) => {
    settledBytes += movedBytes([group]);
    group.parts.clear();
  };
  const render = (columns: number, rows: number) => {
    const first = upload === undefined ? [] : [transferLine(upload, columns)];
    const bytesPerSecond = speed.sample(performance.now(), settledBytes + movedBytes(groups));
    return [...first, ...transferLines([...groups], { columns, rows: rows - first.length, bytesPerSecond })];
  };
  const area = await openLiveArea(context, {
    output: options.area,
    hidden: !(options.drawn ?? !options.quiet),
    render,
  });
  const write = (text: string) => area.above(() => context.io[options.lines](text));

  /** A text of its own ends what is known of the layers before it: they stay as they are. */
  async function tell(group: Group, text: string): Promise<void> {
    const layers = [...group.parts.values()].map((part) => `${finalLine(part)}\n`).join("");
    settle(group);
    if (layers === "") await write(text);
    else {
      await area.above(async () => {
        await context.io[options.area](layers);
        if (text !== "") await context.io[options.lines](text);
      });
    }
  }

  async function take(group: Group, line: WireProgress): Promise<void> {
    const note = noteOf(line);
    if (note !== "") await area.above(() => context.io.err(note));
    if (area.visible && applyLine(group, line)) return area.changed();
    const text = progressText(line, group.title);
    if (text !== "") await tell(group, text);
  }

  return {
    async show(body, { title = "", registry = "" } = {}) {
      const group: Group = { title, parts: new Map() };
      groups.add(group);
      try {
        for await (const line of jsonLines<WireProgress>(body)) {
          const error = line.errorDetail?.message ?? line.error;
          if (error !== undefined) throw new ReportedError(printable(error), registry);
          if (!options.quiet) await take(group, line);
        }
        if (group.parts.size > 0) await tell(group, "");
      } finally {
        settle(group);
        groups.delete(group);
      }
    },
    advance(bytes) {
      if (upload === undefined) return;
      upload.currentBytes += bytes;
      area.changed();
    },
    end: () => area.end(),
  };
}

/** One stream. `toStderr`: within `run`, whose standard output is the container's. */
export async function showProgress(
  context: CliContext,
  body: AsyncIterable<Uint8Array>,
  options: { quiet: boolean; toStderr: boolean; registry?: string },
): Promise<void> {
  const output = options.toStderr ? "err" : "out";
  const display = await openProgressDisplay(context, { quiet: options.quiet, lines: output, area: output });
  try {
    await display.show(body, options);
  } finally {
    await display.end();
  }
}

function movedBytes(groups: Iterable<Group>): number {
  let sum = 0;
  for (const { parts } of groups) for (const part of parts.values()) sum += part.movedBytes;
  return sum;
}
