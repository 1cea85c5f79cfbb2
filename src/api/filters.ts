import { invalid } from "../base/errors.ts";
import { parseJson } from "./json.ts";

export type Filters = Record<string, string[]>;

/** Names that each endpoint knows; others are refused. @see Engine API, query parameter `filters` of each */
export const FILTER_NAMES = {
  containers:
    "ancestor before exited id isolation label name status health since volume network is-task publish expose",
  containersPrune: "label label! until",
  images: "dangling label label! before since reference until",
  imagesSearch: "is-automated is-official stars",
  imagesPrune: "dangling label label! until",
  buildPrune: "until unused-for id parent type description inuse shared private label label!",
  networks: "dangling driver id label name scope type",
  networksPrune: "label label! until",
  volumes: "dangling name driver label",
  volumesPrune: "label label! all",
  events: "config container daemon event image label network node plugin scope secret service type volume",
} as const;

/** Values of all filters of one request. */
const MAX_VALUES = 4096;

/**
 * The query's `filters`: JSON of `{"label":{"a=b":true}}` or of the older `{"label":["a=b"]}`. Throws invalid-argument where it
 * is neither, or names a filter that the endpoint does not know.
 */
export function filters(query: URLSearchParams, endpoint: keyof typeof FILTER_NAMES): Filters {
  const text = query.get("filters");
  if (text === null || text === "") return {};
  const known = FILTER_NAMES[endpoint].split(" ");
  const entries = Object.entries(asObject(parseFilters(text)));
  const result: [string, string[]][] = entries.map(([name, values]) => [name, valuesOf(values)]);
  for (const [name] of result) if (!known.includes(name)) throw invalid(`invalid filter '${name}'`);
  if (result.reduce((sum, [, values]) => sum + values.length, 0) > MAX_VALUES) throw invalid("too many filters");
  return Object.fromEntries(result);
}

function parseFilters(text: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    throw invalid("invalid filter", { cause: error });
  }
}

function asObject(value: unknown): Record<string, unknown> {
  if (value === null) return {};
  if (typeof value !== "object" || Array.isArray(value)) throw invalid("invalid filter");
  return value as Record<string, unknown>;
}

function valuesOf(values: unknown): string[] {
  if (Array.isArray(values)) {
    if (!values.every((value) => typeof value === "string")) throw invalid("invalid filter");
    return values;
  }
  const set = Object.entries(asObject(values));
  if (!set.every(([, chosen]) => typeof chosen === "boolean")) throw invalid("invalid filter");
  return set.map(([value]) => value);
}
