import type { Command } from "./command.ts";
import type { Flag } from "./flags/flag-set.ts";
import { flagUsages } from "./flags/flag-usage.ts";
import { type Entry, GROUPS, type Group, TOP } from "./registry.ts";
import { LATER_VERBS } from "./suggest.ts";

const LINE_WIDTH = 80;

/** What the program does besides being a client; started before any verb is looked for. */
const ENGINE_COMMANDS: [name: string, entry: { short: string }][] = [
  ["daemon", { short: "Run the engine: the server that all other commands talk to" }],
  ["registry", { short: "Run a registry of your own, or check one" }],
  ["debug", { short: "Show the plan that a container would be started with" }],
];

/** `gantry run --help`. */
export function commandHelp(program: string, path: string, command: Command): string {
  let text = `Usage:  ${program} ${path}${command.usage === "" ? "" : ` ${command.usage}`}\n\n${command.short}\n`;
  if (command.aliases.length > 1) {
    text += `\nAliases:\n  ${command.aliases.map((alias) => `${program} ${alias}`).join(", ")}\n`;
  }
  if (command.examples.length > 0) {
    text += "\nExamples:\n";
    for (const [line, does] of command.examples) text += `  # ${does}\n  ${program} ${line}\n`;
  }
  const options = flagUsages(command.flags);
  if (options !== "") text += `\nOptions:\n${options}`;
  return text;
}

/** `gantry container --help`. */
export function groupHelp(program: string, path: string, group: Group): string {
  const rows: [string, { short: string }][] = Object.entries(group.entries).filter(
    ([, entry]) => entry.aliasOf === undefined,
  );
  rows.push(...Object.entries(group.groups ?? {}));
  return (
    `Usage:  ${program} ${path} COMMAND\n\n${group.short}\n\nCommands:\n${columns(rows.toSorted(byName))}\n` +
    `Run '${program} ${path} COMMAND --help' for more information on a command.\n`
  );
}

/** `gantry --help`. */
export function topHelp(program: string, globals: readonly Flag[]): string {
  const entries = Object.entries(TOP);
  const rows = (section: Entry["section"]) => entries.filter(([, entry]) => entry.section === section);
  const groups = Object.entries(GROUPS).map(([name, group]): [string, { short: string }] => [name, group]);
  return (
    `Usage:  ${program} [OPTIONS] COMMAND\n\nBuilds, ships and runs containers\n\n` +
    `Common Commands:\n${columns(rows("common"))}\nManagement Commands:\n${columns(groups)}\n` +
    `Commands:\n${columns(rows("other").toSorted(byName))}\nEngine Commands:\n${columns(ENGINE_COMMANDS)}\n` +
    `Not in This Version:\n${wrapped(LATER_VERBS)}\n` +
    `Global Options:\n${flagUsages(globals)}\n` +
    `Run '${program} COMMAND --help' for more information on a command.\n`
  );
}

function byName(a: [string, unknown], b: [string, unknown]): number {
  return a[0] < b[0] ? -1 : 1;
}

/** Words side by side, in lines of at most 80 columns. */
function wrapped(words: readonly string[]): string {
  let [text, line] = ["", " "];
  for (const word of words) {
    if (line.length + word.length + 2 > LINE_WIDTH) [text, line] = [`${text}${line}\n`, " "];
    line += ` ${word}`;
  }
  return `${text}${line}\n`;
}

function columns(rows: [name: string, entry: { short: string }][], minWidth = 11): string {
  const width = Math.max(minWidth, ...rows.map(([name]) => name.length));
  return rows.map(([name, entry]) => `  ${name.padEnd(width)} ${entry.short}\n`).join("");
}
