/** C0 but for tab and line feed, DEL, C1: what a terminal would take for orders. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const ORDERS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** Text that somebody else wrote (a registry's error, a description), without power over the terminal. */
export function printable(text: string): string {
  return text.replace(ORDERS, "\ufffd");
}
