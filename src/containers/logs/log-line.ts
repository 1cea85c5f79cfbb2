/** One line of Docker's json-file format. `text` has its newline, but for a part of a longer line. */
export interface LogLine {
  stream: "stdout" | "stderr";
  text: string;
  /** RFC 3339 with nanoseconds, as written. */
  time: string;
}

/** undefined: damaged (a torn write, a full disk), which readers skip. */
export function parseLogLine(json: Buffer): LogLine | undefined {
  try {
    const { log, stream, time } = JSON.parse(json.toString()) as { log?: unknown; stream?: unknown; time?: unknown };
    if (typeof log !== "string" || typeof time !== "string") return undefined;
    return { text: log, time, stream: stream === "stderr" ? "stderr" : "stdout" };
  } catch {
    return undefined;
  }
}

const TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/;

/** Nine digits always, as `docker logs -t` prints. A time that is none is returned as it is. */
export function fixedTime(time: string): string {
  const match = TIME.exec(time);
  return match === null ? time : `${match[1]}.${(match[2] ?? "").padEnd(9, "0")}${match[3]}`;
}

/** Milliseconds since the epoch, with fraction; NaN for nonsense. */
export function timeMs(time: string): number {
  const match = TIME.exec(time);
  if (match === null) return Number.NaN;
  const seconds = Date.parse(`${match[1]}${match[3]}`);
  return seconds + Number(`0.${match[2] ?? "0"}`) * 1000;
}

export interface RenderOptions {
  timestamps: boolean;
  /** `k=v,…` to put before the text, "" included; undefined: no details wanted. */
  details: string | undefined;
  tty: boolean;
}

export const FRAME_HEADER_BYTES = 8;

/** Before each line but a terminal's: `[1 or 2, 0, 0, 0, length as 32 bits big-endian]`. */
export function writeFrameHeader(to: Buffer, at: number, { stream, length }: Frame): void {
  to.writeUInt32BE(stream === "stderr" ? 0x0200_0000 : 0x0100_0000, at);
  to.writeUInt32BE(length, at + 4);
}

export interface Frame {
  stream: LogLine["stream"];
  length: number;
}

/** The bytes of one line for the client: with an 8-byte frame header unless the container has a terminal. */
export function renderLogLine(line: LogLine, options: RenderOptions): Buffer {
  let text = line.text;
  if (options.details !== undefined) text = `${options.details} ${text}`;
  if (options.timestamps) text = `${fixedTime(line.time)} ${text}`;
  const length = Buffer.byteLength(text);
  if (options.tty) return Buffer.from(text);
  const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + length);
  writeFrameHeader(frame, 0, { stream: line.stream, length });
  frame.write(text, FRAME_HEADER_BYTES);
  return frame;
}

/** What `--details` shows: the labels and variables that the log options name, sorted, URL-escaped. */
export function renderDetails(
  options: Record<string, string>,
  labels: Record<string, string>,
  environment: string[],
): string {
  const attributes = new Map<string, string>();
  for (const name of names(options.labels)) {
    const value = labels[name];
    if (value !== undefined) attributes.set(name, value);
  }
  for (const name of names(options.env)) {
    const variable = environment.findLast((entry) => entry.startsWith(`${name}=`));
    if (variable !== undefined) attributes.set(name, variable.slice(name.length + 1));
  }
  return [...attributes.keys()]
    .sort()
    .map((name) => `${queryEscape(name)}=${queryEscape(attributes.get(name) ?? "")}`)
    .join(",");
}

function names(list: string | undefined): string[] {
  return (list ?? "").split(",").filter(Boolean);
}

/** As Go's url.QueryEscape. */
function queryEscape(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll("%20", "+");
}
