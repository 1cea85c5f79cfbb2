/** Our terminal, for `-t`. Loaded only then: the terminal modules of the runtime take 8 ms. */
export interface Terminal {
  inputIsTerminal: boolean;
  outputIsTerminal: boolean;
  /** [rows, columns], or [0, 0] when output is no terminal. */
  size(): [number, number];
  /** Every key goes through as it is typed, until `restore`. */
  setRaw(): void;
  restore(): void;
  onResize(listener: () => void): void;
  /** Typed bytes. */
  input(): AsyncIterable<Uint8Array>;
}

export function openTerminal(): Terminal {
  const { stdin, stdout } = process;
  let raw = false;
  return {
    inputIsTerminal: stdin.isTTY === true,
    outputIsTerminal: stdout.isTTY === true,
    size: () => (stdout.isTTY ? [stdout.rows ?? 0, stdout.columns ?? 0] : [0, 0]),
    setRaw() {
      if (!stdin.isTTY) return;
      stdin.setRawMode(true);
      raw = true;
    },
    restore() {
      if (!raw) return;
      stdin.setRawMode(false);
      raw = false;
    },
    onResize(listener) {
      process.on("SIGWINCH", () => {
        stdout._refreshSize?.();
        listener();
      });
    },
    input: () => stdin as AsyncIterable<Uint8Array>,
  };
}

declare module "node:tty" {
  interface WriteStream {
    /** Reads the size anew: our SIGWINCH handler may run before the stream's own. */
    _refreshSize?(): void;
  }
}
