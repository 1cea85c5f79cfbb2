import { parseJson } from "./json.ts";

/** The query's `platform`: `os/architecture[/variant]`, or since 1.48 JSON of the same. {} where there is none. */
export function platform(query: URLSearchParams): { platform?: string } {
  const text = query.get("platform") ?? "";
  if (text === "") return {};
  if (!text.startsWith("{")) return { platform: text };
  const { os, architecture, variant } = parseJson(text) as Record<string, unknown>;
  const parts = [os, architecture, variant].filter((part) => typeof part === "string" && part !== "");
  return { platform: parts.join("/") };
}
