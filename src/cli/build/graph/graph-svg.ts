import type { WireVertex } from "../../../wire/build-messages.ts";
import { type GraphLayout, layoutGraph, type PlacedVertex } from "./layout.ts";

const BOX = { width: 300, height: 54 };
const GAP = { x: 48, y: 34 };
const MARGIN = 28;
/** Of the title, and of the stages' names. */
const HEAD_HEIGHT = 72;
const STAGE_HEIGHT = 30;
/** What fits into a box at the size of its letters. */
const NAME_CHARACTERS = 44;
const NAME_LINES = 2;

const STYLE = `
  svg { --ground: #ffffff; --ink: #1f2933; --dim: #66727f; --line: #9aa5b1; --box: #f5f7fa; --group: #fafbfc; --edge: #d3dae2;
    --run: #2f7dd1; --cached: #2e9e5b; --failed: #d64545; font-family: system-ui, -apple-system, "Segoe UI", sans-serif; }
  @media (prefers-color-scheme: dark) { svg { --ground: #14181d; --ink: #e6ebf0; --dim: #97a3af; --line: #6b7783; --box: #1f262d;
    --group: #191e24; --edge: #313a44; --run: #5ba4f0; --cached: #4cc07d; --failed: #f07178; } }
  .ground { fill: var(--ground); } .group { fill: var(--group); stroke: var(--edge); }
  .box { fill: var(--box); stroke: var(--edge); } .run { fill: var(--run); } .cached { fill: var(--cached); } .failed { fill: var(--failed); }
  .edge { fill: none; stroke: var(--line); stroke-width: 1.4; } .tip { fill: var(--line); }
  text { fill: var(--ink); font-size: 12px; } .title { font-size: 18px; font-weight: 600; } .stage { font-size: 13px; font-weight: 600; }
  .dim { fill: var(--dim); font-size: 11px; } .time { font-size: 11px; text-anchor: end; font-variant-numeric: tabular-nums; }
`;

export interface GraphOptions {
  title: string;
  /** For what has not ended. */
  nowMs: number;
}

/** The build's graph as a picture that stands alone: stages side by side, steps below what they use, how long each took. Pure. */
export function graphSvg(vertices: readonly WireVertex[], options: GraphOptions): string {
  const layout = layoutGraph(vertices);
  const width = Math.max(560, MARGIN * 2 + layout.columns.length * (BOX.width + GAP.x) - GAP.x);
  const height = HEAD_HEIGHT + STAGE_HEIGHT + layout.rows * (BOX.height + GAP.y) - GAP.y + MARGIN * 2;
  const longest = Math.max(1, ...vertices.map((vertex) => durationMs(vertex, options.nowMs)));
  const boxes = layout.placed.map((one) => boxSvg(one, { longestMs: longest, nowMs: options.nowMs }));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${escape(options.title)}</title><style>${STYLE}</style>`,
    `<rect class="ground" width="${width}" height="${height}"/>`,
    headSvg(vertices, options),
    ...layout.columns.map((name, column) => stageSvg(name, column, layout.rows)),
    ...layout.edges.map((edge) => edgeSvg(layout, edge)),
    ...boxes,
    "</svg>\n",
  ].join("\n");
}

function headSvg(vertices: readonly WireVertex[], { title, nowMs }: GraphOptions): string {
  const starts = vertices.flatMap(({ StartedAt }) => (StartedAt === null ? [] : [StartedAt]));
  const ends = vertices.map(({ CompletedAt }) => CompletedAt ?? nowMs);
  const total = starts.length === 0 ? 0 : Math.max(...ends) - Math.min(...starts);
  const cached = vertices.filter(({ Cached }) => Cached).length;
  const facts = `${vertices.length} steps, ${cached} cached, ${seconds(total)}`;
  const legend = (["run", "cached", "failed"] as const).map((kind, index) => {
    const x = MARGIN + 230 + index * 90;
    const word = kind === "run" ? "carried out" : kind;
    return `<rect class="${kind}" x="${x}" y="${MARGIN + 21}" width="10" height="10" rx="2"/><text class="dim" x="${x + 15}" y="${MARGIN + 30}">${word}</text>`;
  });
  return `<text class="title" x="${MARGIN}" y="${MARGIN + 8}">${escape(title)}</text><text class="dim" x="${MARGIN}" y="${MARGIN + 30}">${facts}</text>${legend.join("")}`;
}

function stageSvg(name: string, column: number, rows: number): string {
  const x = leftOf(column) - 14;
  const height = STAGE_HEIGHT + rows * (BOX.height + GAP.y) - GAP.y + 28;
  const shown = name === "" ? "sources and results" : name;
  return `<rect class="group" x="${x}" y="${HEAD_HEIGHT}" width="${BOX.width + 28}" height="${height}" rx="8"/><text class="stage" x="${leftOf(column)}" y="${HEAD_HEIGHT + 24}">${escape(cut(shown, NAME_CHARACTERS))}</text>`;
}

function boxSvg(
  { vertex, column, row }: PlacedVertex,
  { longestMs, nowMs }: { longestMs: number; nowMs: number },
): string {
  const [x, y] = [leftOf(column), topOf(row)];
  const kind = vertex.Error !== "" ? "failed" : vertex.Cached ? "cached" : "run";
  const ms = durationMs(vertex, nowMs);
  const bar = vertex.Cached ? BOX.width : Math.max(2, Math.round((ms / longestMs) * BOX.width));
  const lines = wrap(vertex.Name.replace(/\s+/g, " ").trim());
  const names = lines.map((line, index) => `<text x="${x + 10}" y="${y + 19 + index * 15}">${escape(line)}</text>`);
  const time =
    vertex.Error !== ""
      ? `failed, ${seconds(ms)}`
      : vertex.Cached
        ? "cached"
        : vertex.StartedAt === null
          ? "not begun"
          : seconds(ms);
  const note = vertex.Error === "" ? "" : `\n${vertex.Error}`;
  return [
    `<g><title>${escape(`${vertex.Name}\n${time}${note}`)}</title>`,
    `<rect class="box" x="${x}" y="${y}" width="${BOX.width}" height="${BOX.height}" rx="6"/>`,
    `<rect class="${kind}" x="${x}" y="${y + BOX.height - 4}" width="${bar}" height="4" rx="2"/>`,
    ...names,
    `<text class="time" x="${x + BOX.width - 8}" y="${y + BOX.height - 9}">${time}</text></g>`,
  ].join("");
}

/** From the bottom of a box to the top of another. */
function edgeSvg({ placed }: GraphLayout, { from, to }: { from: number; to: number }): string {
  const [source, target] = [placed[from], placed[to]];
  if (source === undefined || target === undefined) return "";
  const [x1, y1] = [leftOf(source.column) + BOX.width / 2, topOf(source.row) + BOX.height];
  const [x2, y2] = [leftOf(target.column) + BOX.width / 2, topOf(target.row) - 6];
  const bend = Math.max(16, (y2 - y1) / 2);
  // Past the boxes between: within one column the line goes round them on the left.
  const aside = source.column === target.column && target.row - source.row > 1 ? BOX.width / 2 + 10 : 0;
  const path =
    aside === 0
      ? `M${x1} ${y1} C${x1} ${y1 + bend} ${x2} ${y2 - bend} ${x2} ${y2}`
      : `M${x1} ${y1} C${x1} ${y1 + 18} ${x1 - aside} ${y1 + 4} ${x1 - aside} ${y1 + 30} L${x2 - aside} ${y2 - 24} C${x2 - aside} ${y2 - 4} ${x2} ${y2 - 18} ${x2} ${y2}`;
  return `<path class="edge" d="${path}"/><path class="tip" d="M${x2 - 4} ${y2} L${x2 + 4} ${y2} L${x2} ${y2 + 6} Z"/>`;
}

function leftOf(column: number): number {
  return MARGIN + column * (BOX.width + GAP.x);
}

function topOf(row: number): number {
  return HEAD_HEIGHT + STAGE_HEIGHT + 14 + row * (BOX.height + GAP.y);
}

function durationMs({ StartedAt, CompletedAt }: WireVertex, nowMs: number): number {
  return StartedAt === null ? 0 : Math.max(0, (CompletedAt ?? nowMs) - StartedAt);
}

function seconds(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
}

/** At spaces where there are some, in two lines at most; the second leaves room for the time. */
function wrap(text: string): string[] {
  if (text.length <= NAME_CHARACTERS) return [text];
  const space = text.lastIndexOf(" ", NAME_CHARACTERS);
  const at = space > NAME_CHARACTERS / 2 ? space : NAME_CHARACTERS;
  return [text.slice(0, at), cut(text.slice(at).trim(), NAME_CHARACTERS - 12)].slice(0, NAME_LINES);
}

function cut(text: string, characters: number): string {
  return text.length <= characters ? text : `${text.slice(0, characters - 1)}…`;
}

/** XML text. What XML has no place for becomes a dot: names come from a Dockerfile. */
function escape(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cs}\ufffe\uffff]/gu, (character) =>
      character === "\n" || character === "\t" ? character : "·",
    )
    .replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
