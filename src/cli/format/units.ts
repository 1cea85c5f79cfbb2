const DECIMAL_UNITS = ["B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"];
const BINARY_UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"];

/** Docker's units.HumanSize: `1.2MB`, powers of 1000, 4 digits (3 with `HumanSizeWithPrecision(size, 3)`). */
export function humanSize(bytes: number, precision = 4): string {
  return scaled(bytes, 1000, DECIMAL_UNITS, precision);
}

/** Docker's units.BytesSize: `1.5GiB`, powers of 1024. */
export function bytesSize(bytes: number): string {
  return scaled(bytes, 1024, BINARY_UNITS, 4);
}

function scaled(bytes: number, base: number, units: readonly string[], precision: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= base && unit < units.length - 1) {
    value /= base;
    unit++;
  }
  return `${goGeneral(value, precision)}${units[unit]}`;
}

/** Go's `%.4g` for the magnitudes that sizes have. */
function goGeneral(value: number, precision: number): string {
  if (value !== 0 && Math.abs(value) >= 10 ** precision) {
    const [mantissa = "", exponent = ""] = value.toExponential(precision - 1).split("e+");
    return `${Number(mantissa)}e+${exponent.padStart(2, "0")}`;
  }
  return String(Number(value.toPrecision(precision)));
}

/** Docker's units.HumanDuration: `Less than a second`, `5 minutes`, `About an hour`, `3 weeks`. */
export function humanDuration(ms: number): string {
  const seconds = Math.trunc(ms / 1000);
  if (seconds < 1) return "Less than a second";
  if (seconds === 1) return "1 second";
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.trunc(seconds / 60);
  if (minutes === 1) return "About a minute";
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.trunc(ms / 3_600_000 + 0.5);
  if (hours === 1) return "About an hour";
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.trunc(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.trunc(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.trunc(hours / 24 / 30)} months`;
  return `${Math.trunc(ms / 3_600_000 / 24 / 365)} years`;
}

/** How `CreatedAt` columns show a time: Go's `2006-01-02 15:04:05 -0700 MST`, in the local zone. */
export function goTime(date: Date): string {
  const two = (value: number) => String(Math.abs(value)).padStart(2, "0");
  const offset = -date.getTimezoneOffset();
  const zone = `${offset < 0 ? "-" : "+"}${two(Math.trunc(offset / 60))}${two(offset % 60)}`;
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const name = offset === 0 ? "UTC" : zoneName(date);
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())} ${zone} ${name}`;
}

function zoneName(date: Date): string {
  const parts = new Intl.DateTimeFormat("en", { timeZoneName: "short" }).formatToParts(date);
  return parts.find((part) => part.type === "timeZoneName")?.value ?? "";
}

/** At most `width` characters, the last one an ellipsis where something was cut. */
export function ellipsis(text: string, width: number): string {
  const characters = Array.from(text);
  if (characters.length <= width) return text;
  return width <= 3 ? characters.slice(0, width).join("") : `${characters.slice(0, width - 1).join("")}…`;
}
