import type { WireBuildEvent, WireBuildWarning } from "../../../wire/build-messages.ts";
import type { CliContext } from "../../command.ts";
import { openLiveArea } from "../../progress/live-area.ts";
import type { BuildState } from "./build-state.ts";
import { LiveProgress } from "./live.ts";
import { PlainProgress } from "./plain.ts";
import type { ProgressMode } from "./progress-mode.ts";
import { rawLine } from "./raw-json.ts";

/** Steps give way to each other when there is nothing new, too. */
const TICK_MS = 500;
/** Text that a terminal has not taken yet; beyond that what comes is left out. */
const MAX_PENDING_CHARACTERS = 16 * 1024 * 1024;
/** A terminal that does not tell its size. */
const DEFAULT_COLUMNS = 80;

/** Shows a build's progress on standard error. Whoever opens it ends it, also on an error. */
export interface BuildDisplay {
  readonly state: BuildState;
  update(events: readonly WireBuildEvent[]): void;
  /** A remark of our own, above what is drawn. */
  note(text: string): Promise<void>;
  /** What stays is written. `succeeded`: the summary says so. */
  end(succeeded: boolean): Promise<void>;
}

export interface DisplayOptions {
  mode: ProgressMode;
  now: () => number;
}

export async function openBuildDisplay(context: CliContext, options: DisplayOptions): Promise<BuildDisplay> {
  if (options.mode === "tty") return openLive(context, options);
  const plain = new PlainProgress();
  const write = boundedWriter(context);
  if (options.mode === "plain") return openPlain(plain, write, options);
  return {
    state: plain.state,
    update(events) {
      plain.state.apply(events, options.now());
      if (options.mode === "rawjson" && events.length > 0) write.text(`${rawLine(events)}\n`);
    },
    note: async (text) => write.text(text),
    end: () => write.done(),
  };
}

function openPlain(plain: PlainProgress, write: Writer, { now }: DisplayOptions): BuildDisplay {
  const ticks = setInterval(() => write.text(plain.update([], now())), TICK_MS);
  return {
    state: plain.state,
    update: (events) => write.text(plain.update(events, now())),
    note: async (text) => write.text(text),
    end() {
      clearInterval(ticks);
      write.text(plain.finish(now()));
      return write.done();
    },
  };
}

async function openLive(context: CliContext, { now }: DisplayOptions): Promise<BuildDisplay> {
  const live = new LiveProgress(now(), await context.paint("err"));
  let ended = false;
  const area = await openLiveArea(context, {
    output: "err",
    hidden: false,
    render: (columns, rows) => live.render({ columns, rows, nowMs: now() }),
  });
  return {
    state: live.state,
    update(events) {
      live.update(events, now());
      area.changed();
    },
    note: (text) => area.above(() => context.io.err(text)),
    async end(succeeded) {
      await area.end();
      if (ended || live.state.steps.size === 0) return;
      ended = true;
      const [, columns] = (await context.terminal()).sizeOf("err");
      const outcome = succeeded ? "FINISHED" : "";
      await context.io.err(live.summary({ columns: (columns || DEFAULT_COLUMNS) - 1, nowMs: now(), outcome }));
    },
  };
}

interface Writer {
  text(text: string): void;
  done(): Promise<void>;
}

/** Writes in order without holding up the build. */
function boundedWriter({ io }: Pick<CliContext, "io">): Writer {
  let [pending, left]: [string, number] = ["", 0];
  let writing: Promise<void> | undefined;
  let failure: unknown;
  const run = async () => {
    while (pending !== "" || left > 0) {
      const note = left === 0 ? "" : `[${left} characters of progress were left out]\n`;
      const text = pending + note;
      [pending, left] = ["", 0];
      await io.err(text);
    }
  };
  return {
    text(text) {
      if (text === "" || failure !== undefined) return;
      if (pending.length + text.length > MAX_PENDING_CHARACTERS) left += text.length;
      else pending += text;
      writing ??= run()
        .catch((error: unknown) => {
          failure = error; // told by done(): the reader of our output has gone
        })
        .finally(() => {
          writing = undefined;
        });
    },
    async done() {
      while (writing !== undefined) await writing;
      if (failure !== undefined) throw failure;
    },
  };
}

/** ` 2 warnings found (use --debug to expand):` and a line for each; all that is known of them with `whole`. Pure. */
export function warningsText(warnings: readonly WireBuildWarning[], whole: boolean): string {
  if (warnings.length === 0) return "";
  const count = ` ${warnings.length} ${warnings.length === 1 ? "warning" : "warnings"} found`;
  if (whole) return `${count}:\n${warnings.map(wholeWarning).join("")}`;
  const lines = warnings.map(({ Rule, Message, Locations }) => {
    const line = Locations[0]?.Start;
    return ` - ${Rule}: ${Message}${line === undefined || line <= 0 ? "" : ` (line ${line})`}\n`;
  });
  return `${count} (use --debug to expand):\n${lines.join("")}`;
}

/** The rule, where it is explained, what is wrong, and the lines. Pure. */
export function wholeWarning({
  Rule,
  Url,
  Message,
  Description,
  FileName,
  Locations,
  Source,
}: WireBuildWarning): string {
  const head = `\nWARNING: ${Rule}${Url === "" ? "" : ` - ${Url}`}\n${Description === "" ? Message : Description}\n`;
  const detail = Description === "" || Description === Message ? "" : `More info: ${Message}\n`;
  return `${head}${detail}\n${linesOf(FileName, Source, Locations)}`;
}

const RULE = "-".repeat(20);

function linesOf(fileName: string, source: string, locations: WireBuildWarning["Locations"]): string {
  const [first] = locations;
  if (first === undefined || source === "" || first.Start <= 0) return "";
  const shown = source
    .split("\n")
    .map((text, index) => ({ text, number: index + 1 }))
    .filter(({ number }) => number >= first.Start - 2 && number <= first.End + 2);
  const marked = (number: number) => locations.some(({ Start, End }) => number >= Start && number <= End);
  const lines = shown.map(
    ({ text, number }) => `${String(number).padStart(4)} | ${marked(number) ? ">>>" : "   "} ${text}\n`,
  );
  return `${fileName}:${first.Start}\n${RULE}\n${lines.join("")}${RULE}\n`;
}
