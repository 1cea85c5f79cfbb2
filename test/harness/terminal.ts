import { until } from "./until.ts";

/** A program on a pseudo terminal, driven as a person would: wait for text, type. */
export interface Terminal {
  /** Everything that the program wrote so far, line ends as a terminal has them. */
  readonly screen: string;
  type(keys: string): void;
  /** Waits until the screen holds `text` after the last match, so that an echo is not taken for an answer. */
  expect(text: string | RegExp, timeoutMs?: number): Promise<string>;
  resize(columns: number, rows: number): void;
  exited: Promise<number>;
  close(): void;
}

interface PseudoTerminal {
  write(data: string): void;
  resize(columns: number, rows: number): void;
  close(): void;
}

export function startInTerminal(
  command: string[],
  options: { env?: Record<string, string>; columns?: number; rows?: number } = {},
): Terminal {
  let screen = "";
  let read = 0;
  const decoder = new TextDecoder();
  const child = Bun.spawn(command, {
    env: { ...process.env, TERM: "xterm", ...options.env },
    terminal: {
      cols: options.columns ?? 80,
      rows: options.rows ?? 24,
      data(_terminal: unknown, data: Uint8Array) {
        screen += decoder.decode(data, { stream: true });
      },
    },
  });
  const terminal = child.terminal as unknown as PseudoTerminal;
  return {
    get screen() {
      return screen;
    },
    type: (keys) => terminal.write(keys),
    async expect(text, timeoutMs = 10_000) {
      const found = () => {
        const rest = screen.slice(read);
        const match = typeof text === "string" ? indexOf(rest, text) : text.exec(rest);
        return match === null ? undefined : { end: read + match.index + match[0].length, text: match[0] };
      };
      const match = await until(`the terminal shows ${String(text)}`, found, { timeoutMs }).catch((error: Error) => {
        throw new Error(`${error.message}; it shows ${JSON.stringify(screen.slice(-800))}`);
      });
      read = match.end;
      return match.text;
    },
    resize: (columns, rows) => terminal.resize(columns, rows),
    exited: child.exited,
    close() {
      child.kill("SIGKILL");
      terminal.close();
    },
  };
}

function indexOf(text: string, part: string): { index: number; 0: string } | null {
  const index = text.indexOf(part);
  return index < 0 ? null : { index, 0: part };
}
