import { Duplex } from "node:stream";
import { encodeFrame, STDOUT } from "../../src/wire/stdcopy.ts";

/** Says `ready`, gives back what it gets, says `bye` when its input has ended, then ends. */
export class EchoAttachment extends Duplex {
  readonly #tty: boolean;
  input = "";

  constructor(tty: boolean) {
    super({ allowHalfOpen: true });
    this.#tty = tty;
    this.#say("ready\n");
  }

  #say(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.push(this.#tty ? bytes : encodeFrame(STDOUT, bytes));
  }

  override _read(): void {}

  override _write(chunk: Uint8Array, _encoding: string, done: () => void): void {
    const text = Buffer.from(chunk).toString();
    this.input += text;
    this.#say(text);
    done();
  }

  override _final(done: () => void): void {
    this.#say("bye\n");
    this.push(null);
    done();
  }
}
