/** C0 but for tab and line feed, DEL, C1: what a terminal would take for orders. */
const ORDERS = /(?![\t\n])\p{Cc}/gu;

/** Text that somebody else wrote (a registry's error, a description), without power over the terminal. */
export function printable(text: string): string {
  return text.replace(ORDERS, "\ufffd");
}
