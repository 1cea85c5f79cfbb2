import type { WireBuildEvent } from "../../../wire/build-messages.ts";
import { type Paint, PLAIN } from "../../paint.ts";
import { printable } from "../../printable.ts";
import { BuildState, isDone, type Step, stepSeconds } from "./build-state.ts";
import { fit } from "./fit.ts";
import { transferSeconds, transferText } from "./transfer-text.ts";

/** Lines of output below a step that runs. */
const LOG_LINES = 6;
/** Transfers below a step that runs; of one that is done only when all fit. */
const MAX_TRANSFER_LINES = 10;
const TIME_COLUMNS = 8;

interface Line {
  text: string;
  seconds: number | undefined;
  /** Shown where there is room for all of it. */
  bar?: string;
  tone: "done" | "failed" | "running";
}

/** Progress as BuildKit draws it. Pure: `nowMs` is given. */
export class LiveProgress {
  readonly state = new BuildState();
  readonly #startedMs: number;
  readonly #paint: Paint;

  constructor(startedMs: number, paint: Paint = PLAIN) {
    this.#startedMs = startedMs;
    this.#paint = paint;
  }

  update(events: readonly WireBuildEvent[], nowMs: number): void {
    this.state.apply(events, nowMs);
  }

  /** At most `rows` lines of at most `columns` characters: what runs is always among them, what is done as far as there is room. */
  render(options: { columns: number; rows: number; nowMs: number }): string[] {
    const { columns, rows, nowMs } = options;
    const groups = this.#shown().map((step) => linesOf(step, nowMs, true));
    const room = rows - 1;
    let count = groups.reduce((sum, group) => sum + group.length, 0);
    // First the details of what is done, then the oldest steps that are done, then details of what runs.
    for (const group of groups) {
      if (count <= room) break;
      if (group[0]?.tone === "running") continue;
      count -= group.splice(1).length;
    }
    const lines = groups.flat();
    while (lines.length > room) {
      const done = lines.findIndex(({ tone }) => tone === "done");
      lines.splice(done < 0 ? lines.length - 1 : done, 1);
    }
    return [this.#head(nowMs, ""), ...lines.map((line) => this.#draw(line, columns))].map((line) => fit(line, columns));
  }

  /** Everything, for what stays on the screen. */
  summary(options: { columns: number; nowMs: number; outcome: "FINISHED" | "" }): string {
    const { columns, nowMs, outcome } = options;
    const lines = this.#shown().flatMap((step) => linesOf(step, nowMs, false));
    return [this.#head(nowMs, outcome), ...lines.map((line) => this.#draw(line, columns))]
      .map((line) => `${line}\n`)
      .join("");
  }

  #head(nowMs: number, outcome: string): string {
    const steps = this.#shown();
    const done = steps.filter(isDone).length;
    const seconds = ((nowMs - this.#startedMs) / 1000).toFixed(1);
    return `[+] Building ${seconds}s (${done}/${Math.max(steps.length, this.state.steps.size)})${outcome === "" ? "" : ` ${outcome}`}`;
  }

  /** Steps that have begun. */
  #shown(): Step[] {
    return [...this.state.steps.values()].filter((step) => step.vertex.StartedAt !== null || isDone(step));
  }

  #draw({ text, seconds, tone, bar = "" }: Line, columns: number): string {
    const time = seconds === undefined ? "" : `${seconds.toFixed(1)}s`.padStart(TIME_COLUMNS);
    const room = columns - time.length;
    const whole = printable(text);
    const shown = fit(Bun.stringWidth(whole + bar) <= room ? whole + bar : whole, room);
    const line = time === "" ? shown : shown + " ".repeat(Math.max(0, room - Bun.stringWidth(shown))) + time;
    if (tone === "failed") return this.#paint.red(line);
    return tone === "done" ? this.#paint.cyan(line) : line;
  }
}

function linesOf(step: Step, nowMs: number, withOutput: boolean): Line[] {
  const { vertex } = step;
  const tone = vertex.Error !== "" ? "failed" : isDone(step) ? "done" : "running";
  const mark = vertex.Error !== "" ? "ERROR " : vertex.Cached ? "CACHED " : "";
  const name = vertex.Name.replace(/\s*\n\s*/g, " ");
  const lines: Line[] = [{ text: ` => ${mark}${name}`, seconds: stepSeconds(step, nowMs), tone }];
  const transfers = [...step.transfers.values()];
  // What is still under way is of more use than what has come.
  const shown =
    transfers.length <= MAX_TRANSFER_LINES ? transfers : transfers.filter((one) => one.CompletedAt === null);
  for (const transfer of shown.slice(0, MAX_TRANSFER_LINES)) {
    const bar = tone === "running" && transfer.CompletedAt === null ? barOf(transfer.Current, transfer.Total) : "";
    lines.push({ text: ` => => ${transferText(transfer)}`, seconds: transferSeconds(transfer, nowMs), tone, bar });
  }
  if (tone !== "running" || !withOutput) return lines;
  const output = [...step.tail.map(({ text }) => text), ...[...step.partial.values()].filter(Boolean)].slice(
    -LOG_LINES,
  );
  for (const text of output) lines.push({ text: ` => => # ${lastState(text)}`, seconds: undefined, tone });
  return lines;
}

const BAR_COLUMNS = 20;

function barOf(current: number, total: number): string {
  if (total <= 0) return "";
  const filled = Math.min(BAR_COLUMNS, Math.floor((current / total) * BAR_COLUMNS));
  return ` [${"=".repeat(filled)}${" ".repeat(BAR_COLUMNS - filled)}]`;
}

/** A program that draws over its line shows the last of what it drew. */
function lastState(text: string): string {
  return (Bun.stripANSI(text).replace(/\r+$/, "").split("\r").at(-1) ?? "").replaceAll("\t", "    ");
}
