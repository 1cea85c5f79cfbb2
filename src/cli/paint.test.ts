import { expect, test } from "bun:test";
import { alignTable } from "./format/table.ts";
import { ANSI, PLAIN, paintErrors, paintHelp, paintStatus, wantsColour } from "./paint.ts";

/** Colours as names, so that tests can be read. */
const named = (text: string) =>
  text.replaceAll(`${String.fromCharCode(27)}[`, "<").replace(/<(\d+)m/g, (_, code: string) => `<${code}>`);

test.each([
  ["Up 3 minutes", "<32>Up 3 minutes<0>"],
  ["Up 3 minutes (Paused)", "<33>Up 3 minutes (Paused)<0>"],
  ["Up 3 minutes (unhealthy)", "<31>Up 3 minutes (unhealthy)<0>"],
  ["Exited (0) 2 hours ago", "<2>Exited (0) 2 hours ago<0>"],
  ["Exited (137) 2 hours ago", "<31>Exited (137) 2 hours ago<0>"],
  ["Restarting (1) 2 seconds ago", "<33>Restarting (1) 2 seconds ago<0>"],
  ["Created", "Created"],
])("%s", (status, expected) => {
  expect(named(paintStatus(ANSI, status))).toBe(expected);
  expect(paintStatus(PLAIN, status)).toBe(status);
});

test.each([
  ["Error response from daemon: no", "<31>Error<0> response from daemon: no"],
  ["docker: Error response from daemon: no", "docker: <31>Error<0> response from daemon: no"],
  ["one\nError: two", "one\n<31>Error<0>: two"],
  ["ERROR: x", "<31>ERROR<0>: x"],
  ["an Error in the middle", "an Error in the middle"],
  ["Errors", "Errors"],
])("%j", (text, expected) => {
  expect(named(paintErrors(ANSI, text))).toBe(expected);
  expect(paintErrors(PLAIN, text)).toBe(text);
});

test("headings of the help are bold, texts of options are not", () => {
  const help = "Usage:  gantry ps [OPTIONS]\n\nList\n\nGlobal Options:\n  -f, --format   'table': x\n";
  expect(named(paintHelp(ANSI, help))).toBe(
    "<1>Usage:<0>  gantry ps [OPTIONS]\n\nList\n\n<1>Global Options:<0>\n  -f, --format   'table': x\n",
  );
});

test.each([
  [{}, true],
  [{ NO_COLOR: "" }, true],
  [{ NO_COLOR: "1" }, false],
  [{ TERM: "dumb" }, false],
])("%o wants colours: %p", (environment, expected) => {
  expect(wantsColour(environment)).toBe(expected);
});

test("colours take no room in a table", () => {
  const plain = ["ID\tSTATUS\tNAMES", "1\tUp 3 minutes\tweb", "2\tExited (0)\tjob"];
  const painted = plain.map((line) => line.replace(/(Up|Exited)[^\t]*/, (status) => paintStatus(ANSI, status)));
  const shown = named(alignTable(painted, { styled: true })).replace(/<\d+>/g, "");
  expect(shown).toBe(alignTable(plain));
});
