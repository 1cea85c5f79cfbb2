/** Colours of a terminal, or nothing at all: every function returns its text, styled. */
export interface Paint {
  /** False: texts come back as they are. */
  on: boolean;
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  cyan(text: string): string;
}

const same = (text: string) => text;
export const PLAIN: Paint = {
  on: false,
  bold: same,
  dim: same,
  red: same,
  green: same,
  yellow: same,
  cyan: same,
};

/** ECMA-48 SGR: on, and back to the ordinary. */
const styled = (code: number) => (text: string) => (text === "" ? "" : `\u001b[${code}m${text}\u001b[0m`);
export const ANSI: Paint = {
  on: true,
  bold: styled(1),
  dim: styled(2),
  red: styled(31),
  green: styled(32),
  yellow: styled(33),
  cyan: styled(36),
};

type Environment = Readonly<Record<string, string | undefined>>;

/** https://no-color.org: any value but the empty one asks for no colours; a `dumb` terminal has none. */
export function wantsColour(environment: Environment): boolean {
  return (environment["NO_COLOR"] ?? "") === "" && environment["TERM"] !== "dumb";
}

/** `Up 3 minutes` green, `Up 3 minutes (Paused)` yellow, `Exited (0) …` dim, `Exited (1) …` red. */
export function paintStatus(paint: Paint, status: string): string {
  if (status.includes("(Paused)") || status.startsWith("Restarting")) return paint.yellow(status);
  if (status.includes("(unhealthy)") || status === "Dead") return paint.red(status);
  if (status.startsWith("Up ")) return paint.green(status);
  if (status.startsWith("Exited (")) return status.startsWith("Exited (0)") ? paint.dim(status) : paint.red(status);
  return status;
}

/** Headings of a help text (`Usage:`, `Options:`) bold. */
export function paintHelp(paint: Paint, text: string): string {
  return paint.on ? text.replace(/^[A-Z][A-Za-z ]*:(?=$|  )/gm, (heading) => paint.bold(heading)) : text;
}

/** The word `Error` that begins a line, or follows the program's name, red. */
export function paintErrors(paint: Paint, text: string): string {
  if (!paint.on) return text;
  return text.replace(
    /^((?:[a-z]+: )?)(Error|ERROR)\b/gm,
    (_, before: string, word: string) => before + paint.red(word),
  );
}
