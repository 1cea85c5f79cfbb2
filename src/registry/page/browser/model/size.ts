const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];
const STEP = 1000;

/** Bytes in powers of ten and three digits, as `docker images` shows them: `0 B`, `742 kB`, `4.27 MB`. */
export function formatSize(size: number): string {
  let [value, unit] = [size, 0];
  // 999.5 would be shown as 1000 of its unit.
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= STEP;
    unit++;
  }
  return `${unit === 0 ? value : Number(value.toPrecision(3))} ${UNITS[unit]}`;
}

/** What one platform of several costs to pull: `2.13 MB`, or `2.13 MB – 2.4 MB` where platforms differ. */
export function formatSizes(sizes: readonly number[]): string {
  if (sizes.length === 0) return "–";
  const [least, most] = [formatSize(Math.min(...sizes)), formatSize(Math.max(...sizes))];
  return least === most ? most : `${least} – ${most}`;
}
