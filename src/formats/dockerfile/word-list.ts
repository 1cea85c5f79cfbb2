import { isSpace } from "./spaces.ts";

/** Collects the words of a text that arrives in pieces. */
export class WordList {
  readonly #words: string[] = [];
  #word = "";

  /** Text in which blanks end a word. */
  add(text: string): void {
    let start = 0;
    for (let at = 0; at < text.length; at++) {
      if (!isSpace(text[at] as string)) continue;
      this.#word += text.slice(start, at);
      start = at + 1;
      this.#end();
    }
    this.#word += text.slice(start);
  }

  /** Text in which blanks are characters. */
  addRaw(text: string): void {
    this.#word += text;
  }

  end(): string[] {
    this.#end();
    return this.#words;
  }

  #end(): void {
    if (this.#word !== "") this.#words.push(this.#word);
    this.#word = "";
  }
}
