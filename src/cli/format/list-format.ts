import { executeTemplate } from "../../formats/go-template/evaluate.ts";
import { FUNCTION_NAMES, stringify } from "../../formats/go-template/functions.ts";
import { parseTemplate } from "../../formats/go-template/parser.ts";
import { alignTable } from "./table.ts";

/** One line of a list: the placeholders of its `--format`. Functions are methods (`{{.Label "x"}}`). */
export type Row = Record<string, unknown>;

export interface ListLayout {
  /** Placeholder → column heading. */
  headers: Record<string, string>;
  /** The columns of the plain table, as a template. */
  table: string;
  /** Go's name of the row's type, for the message about an unknown placeholder. */
  rowType: string;
  /** What `-q` shows. */
  quiet: string;
}

export interface ListOptions {
  /** `--format`: "" , `table`, `table …`, `json`, or a template for each row. */
  format: string;
  quiet: boolean;
  /** The plain table's cells may hold colours. */
  styled?: boolean;
}

/** The text of a list, with a newline after each line. Throws in Docker's words when the template is wrong. Pure. */
export function formatList(layout: ListLayout, rows: readonly Row[], options: ListOptions): string {
  const format = options.format.trim();
  const isTable = format === "" || format === "table" || format.startsWith("table ");
  if (options.quiet && (format === "" || format === "table")) {
    return rows.map((row) => `${String(row[layout.quiet])}\n`).join("");
  }
  if (format === "json") return rows.map((row) => `${jsonRow(row)}\n`).join("");
  const plain = format === "" || format === "table";
  const source = plain ? layout.table : isTable ? format.slice("table ".length).trim() : format;
  const render = compile(source.replaceAll("\\t", "\t").replaceAll("\\n", "\n"), layout);
  const lines = rows.map(render);
  if (!isTable) return lines.map((line) => `${line}\n`).join("");
  return alignTable([render(layout.headers), ...lines], { styled: options.styled === true });
}

function compile(source: string, layout: ListLayout): (row: Row) => string {
  let template: ReturnType<typeof parseTemplate>;
  try {
    template = parseTemplate(source, FUNCTION_NAMES);
  } catch (error) {
    throw new Error(`failed to parse template: ${(error as Error).message}`);
  }
  return (row) => {
    // Headings stand for values of any kind: what works on values leaves them alone.
    const functions = row === layout.headers ? HEADER_FUNCTIONS : { json: (value: unknown) => jsonOf(value) };
    try {
      const options = { missingKey: "error", rootType: layout.rowType, functions } as const;
      return executeTemplate(template, asData(row, layout), options);
    } catch (error) {
      throw new Error(`failed to execute template: ${(error as Error).message}`);
    }
  };
}

const same = (value: unknown) => value;
const HEADER_FUNCTIONS = {
  json: same,
  join: same,
  split: same,
  title: same,
  truncate: same,
  len: () => "",
  index: same,
  slice: same,
};

function asData(row: Row, layout: ListLayout): Row {
  if (row !== layout.headers) return row;
  return { ...row, Label: (name: unknown) => labelHeading(String(name)) };
}

/** `com.example.some-label` as a heading: `some label`. */
function labelHeading(name: string): string {
  return (name.split(".").at(-1) ?? "").replace(/[-_]/g, " ").trim();
}

function jsonOf(value: unknown): string {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? jsonRow(value as Row)
    : stringify(value);
}

/** A row as Docker's `{{json .}}`: keys sorted, methods left out. */
function jsonRow(row: Row): string {
  const keys = Object.keys(row).filter((key) => typeof row[key] !== "function");
  return escapeHtml(JSON.stringify(Object.fromEntries(keys.toSorted().map((key) => [key, row[key]]))));
}

/** Go's encoding/json writes these three as escapes, which some scripts compare. */
function escapeHtml(json: string): string {
  return json.replace(/[<>&]/g, (character) => `\\u00${character.charCodeAt(0).toString(16)}`);
}
