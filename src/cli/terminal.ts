/** What the system can do with a terminal; given from outside, and loaded only when a terminal is wanted. */
export interface TerminalControl {
  isTerminal(fd: number): boolean;
  /** [rows, columns]; [0, 0] when it is no terminal. */
  terminalSize(fd: number): [number, number];
  /** Returns the way back. */
  setRawMode(fd: number): () => void;
  /** What is typed is not shown. Returns the way back. */
  hideInput(fd: number): () => void;
}

/** Where none of our streams is a terminal. */
export const NO_TERMINAL: TerminalControl = {
  isTerminal: () => false,
  terminalSize: () => [0, 0],
  setRawMode: () => () => undefined,
  hideInput: () => () => undefined,
};

/** Our terminal, for `-t`. */
export interface Terminal {
  inputIsTerminal: boolean;
  outputIsTerminal: boolean;
  errorIsTerminal: boolean;
  /** [rows, columns], or [0, 0] when output is no terminal. */
  size(): [number, number];
  /** [rows, columns] of the terminal that one of our outputs is; zeroes when it is none. */
  sizeOf(output: "out" | "err"): [number, number];
  /** Every key goes through as it is typed, until `restore`, or until we end. */
  setRaw(): void;
  restore(): void;
  /** What is typed is not shown, until the returned function is called. */
  hideInput(): () => void;
  /** Returns the way to hear no more of it. */
  onResize(listener: () => void): () => void;
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
    sizeOf: (output) => control.terminalSize(output === "out" ? STDOUT : STDERR),
    setRaw() {
      if (!terminal.inputIsTerminal || undo !== undefined) return;
      undo = control.setRawMode(STDIN);
      process.on("exit", () => terminal.restore());
    },
    restore() {
      undo?.();
      undo = undefined;
    },
    hideInput: () => control.hideInput(STDIN),
    onResize(listener) {
      process.on("SIGWINCH", listener);
      return () => void process.off("SIGWINCH", listener);
    },
  };
  return terminal;
}
