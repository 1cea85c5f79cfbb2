import { ellipsis, humanSize } from "../format/units.ts";

/** How far bytes have come. */
export interface Transfer {
  label: string;
  currentBytes: number;
  /** undefined: nobody knows how many there will be. */
  totalBytes?: number;
}

/** A bar narrower than this tells nothing; then only the numbers are shown. */
const MIN_BAR = 10;
const MAX_BAR = 50;
const MAX_LABEL = 30;

/** One line of at most `columns` characters: `image.tar [=====>     ]  45% 12.3MB/27.1MB`. Pure. */
export function transferLine(transfer: Transfer, columns: number): string {
  const { currentBytes, totalBytes } = transfer;
  const label = ellipsis(transfer.label, MAX_LABEL);
  if (totalBytes === undefined) return ellipsis(`${label} ${humanSize(currentBytes)}`, columns);
  const share = totalBytes === 0 ? 1 : Math.min(1, currentBytes / totalBytes);
  const percent = `${Math.floor(share * 100)}%`.padStart(4);
  const numbers = `${percent} ${humanSize(currentBytes)}/${humanSize(totalBytes)}`;
  const room = Math.min(MAX_BAR, columns - label.length - numbers.length - "  []".length);
  if (room < MIN_BAR) return ellipsis(`${label} ${numbers}`, columns);
  const filled = Math.floor(share * room);
  const done = share >= 1 ? "=".repeat(room) : `${"=".repeat(filled)}>`.slice(0, room).padEnd(room);
  return `${label} [${done}] ${numbers}`;
}
