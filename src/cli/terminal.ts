/** What the system can do with a terminal; given from outside, and loaded only when a terminal is wanted. */
export interface TerminalControl {
  isTerminal(fd: number): boolean;
  /** [rows, columns]; [0, 0] when it is no terminal. */
  terminalSize(fd: number): [number, number];
  /** Returns the way back. */
  setRawMode(fd: number): () => void;
}

/** Where none of our streams is a terminal. */
export const NO_TERMINAL: TerminalControl = {
  isTerminal: () => false,
  terminalSize: () => [0, 0],
  setRawMode: () => () => undefined,
};

/** Our terminal, for `-t`. */
export interface Terminal {
  inputIsTerminal: boolean;
  outputIsTerminal: boolean;
  errorIsTerminal: boolean;
  /** [rows, columns], or [0, 0] when output is no terminal. */
  size(): [number, number];
  /** Of the terminal that errors and progress go to; 0 when there is none. */
  errorColumns(): number;
  /** Every key goes through as it is typed, until `restore`, or until we end. */
  setRaw(): void;
  restore(): void;
  onResize(listener: () => void): void;
}

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;

export function createTerminal(control: TerminalControl): Terminal {
  let undo: (() => void) | undefined;
  const terminal: Terminal = {
    inputIsTerminal: control.isTerminal(STDIN),
    outputIsTerminal: control.isTerminal(STDOUT),
    errorIsTerminal: control.isTerminal(STDERR),
    size: () => control.terminalSize(STDOUT),
    errorColumns: () => control.terminalSize(STDERR)[1],
    setRaw() {
      if (!terminal.inputIsTerminal || undo !== undefined) return;
      undo = control.setRawMode(STDIN);
      process.on("exit", () => terminal.restore());
    },
    restore() {
      undo?.();
      undo = undefined;
    },
    onResize: (listener) => void process.on("SIGWINCH", listener),
  };
  return terminal;
}
