import { parseJson } from "./json.ts";

/** The query's `platform`: `os/architecture[/variant]`, or since 1.48 JSON of the same. {} where there is none. */
export function platform(query: URLSearchParams): { platform?: string } {
  const text = query.get("platform") ?? "";
  return text === "" ? {} : { platform: platformName(text) };
}

/** One such value, as `os/architecture[/variant]`. */
export function platformName(text: string): string {
  if (!text.startsWith("{")) return text;
  const { os, architecture, variant } = parseJson(text) as Record<string, unknown>;
  return [os, architecture, variant].filter((part) => typeof part === "string" && part !== "").join("/");
}
