import type { CliContext } from "../command.ts";
import type { Terminal } from "../terminal.ts";

/** Drawn at most this often. */
const REDRAW_MS = 100;
/** And at least this often, so that a speed or a remaining time does not stand still when the bytes do. */
const HEARTBEAT_MS = 500;
/** A terminal that does not tell its size. */
const DEFAULT_ROWS = 24;
const DEFAULT_COLUMNS = 80;

/** ECMA-48 EL, ED, CUU, and DEC's private mode 25, the cursor. */
const CLEAR_LINE_END = "\u001b[K";
const CLEAR_BELOW = "\u001b[J";
const up = (lines: number) => (lines > 0 ? `\u001b[${lines}A` : "");
const HIDE_CURSOR = "\u001b[?25l";
const SHOW_CURSOR = "\u001b[?25h";

/** Lines at the foot of the terminal that are drawn over and over; where there is no terminal they are not there. */
export interface LiveArea {
  /** Whether there is a terminal that shows it. */
  visible: boolean;
  /** What is shown may be another now; drawn as soon as it is time. */
  changed(): void;
  /** Runs `write` with the area taken away, so that what it writes stays above it. */
  above(write: () => Promise<void>): Promise<void>;
  /** Takes the area away for good. */
  end(): Promise<void>;
}

export interface LiveAreaOptions {
  output: "out" | "err";
  /** Never show it. */
  hidden: boolean;
  /** Lines of at most `columns` characters, at most `rows` of them. */
  render(columns: number, rows: number): string[];
}

/** Whoever opens it ends it, also on an error; an interrupt takes it away by itself. */
export async function openLiveArea(context: CliContext, options: LiveAreaOptions): Promise<LiveArea> {
  const dumb = context.environment["TERM"] === "dumb";
  const terminal = options.hidden || dumb ? undefined : await context.terminal();
  const shown = options.output === "out" ? terminal?.outputIsTerminal : terminal?.errorIsTerminal;
  return terminal === undefined || shown !== true ? NO_AREA : new DrawnArea(context, terminal, options);
}

class DrawnArea implements LiveArea {
  readonly visible = true;
  readonly #context: CliContext;
  readonly #terminal: Terminal;
  readonly #options: LiveAreaOptions;
  readonly #forget: (() => void)[];
  /** Characters of each line that is on the screen. */
  #drawn: number[] = [];
  #drawnAt = Number.NEGATIVE_INFINITY;
  #cursorHidden = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #dueAt = 0;
  #over = false;
  /** Everything is written in order. */
  #writing: Promise<void> = Promise.resolve();

  constructor(context: CliContext, terminal: Terminal, options: LiveAreaOptions) {
    this.#context = context;
    this.#terminal = terminal;
    this.#options = options;
    this.#forget = [context.onInterrupt(() => this.end()), terminal.onResize(() => this.changed())];
  }

  changed(): void {
    if (this.#over) return;
    this.#schedule(Math.max(0, this.#drawnAt + REDRAW_MS - performance.now()));
  }

  async above(write: () => Promise<void>): Promise<void> {
    const turn = this.#writing.then(async () => {
      await this.#write(this.#erase());
      await write();
    });
    this.#writing = turn.catch(() => undefined);
    await turn;
    if (this.#over) return;
    this.#drawnAt = Number.NEGATIVE_INFINITY;
    this.changed();
  }

  async end(): Promise<void> {
    if (this.#over) return this.#writing;
    this.#over = true;
    clearTimeout(this.#timer);
    for (const forget of this.#forget) forget();
    this.#writing = this.#writing.then(() => this.#write(this.#erase() + (this.#cursorHidden ? SHOW_CURSOR : "")));
    await this.#writing;
  }

  /** An earlier time that was set stays. */
  #schedule(waitMs: number): void {
    const dueAt = performance.now() + waitMs;
    if (this.#timer !== undefined && dueAt >= this.#dueAt) return;
    clearTimeout(this.#timer);
    this.#dueAt = dueAt;
    this.#timer = setTimeout(() => this.#draw(), waitMs);
  }

  #draw(): void {
    this.#timer = undefined;
    this.#drawnAt = performance.now();
    const turn = this.#writing.then(() => (this.#over ? undefined : this.#write(this.#frame())));
    this.#writing = turn.catch(() => undefined); // the terminal is gone; the work goes on without it
    this.#schedule(HEARTBEAT_MS);
  }

  #frame(): string {
    const [columns, rows] = this.#size();
    // The last column stays free: a full line would wrap on some terminals. So does the last row: it is the shell's.
    const lines = this.#options.render(columns - 1, Math.max(1, rows - 1));
    if (lines.length === 0) return this.#erase();
    const top = this.#toTop();
    this.#drawn = lines.map((line) => Bun.stringWidth(line)); // colours take no room, some characters take two columns
    const hide = this.#cursorHidden ? "" : HIDE_CURSOR;
    this.#cursorHidden = true;
    return hide + top + lines.map((line) => line + CLEAR_LINE_END).join("\r\n") + CLEAR_BELOW;
  }

  #erase(): string {
    if (this.#drawn.length === 0) return "";
    const top = this.#toTop();
    this.#drawn = [];
    return top + CLEAR_LINE_END + CLEAR_BELOW;
  }

  /** To where the area begins. A terminal that became narrower has wrapped the lines that it shows. */
  #toTop(): string {
    const [columns] = this.#size();
    const rows = this.#drawn.reduce((sum, length) => sum + Math.max(1, Math.ceil(length / columns)), 0);
    return `${up(rows - 1)}\r`;
  }

  #size(): [columns: number, rows: number] {
    const [rows, columns] = this.#terminal.sizeOf(this.#options.output);
    return [columns || DEFAULT_COLUMNS, rows || DEFAULT_ROWS];
  }

  #write(text: string): Promise<void> {
    return text === "" ? Promise.resolve() : this.#context.io[this.#options.output](text);
  }
}

const NO_AREA: LiveArea = {
  visible: false,
  changed: () => undefined,
  above: (write) => write(),
  end: async () => undefined,
};
