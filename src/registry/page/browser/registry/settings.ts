import { object, text } from "../model/json.ts";

/** What the one who runs the registry allows; from `/ui/config.json`. */
export interface Settings {
  delete: boolean;
  readOnly: boolean;
  version: string;
  /** The registry that this one is a cache of; empty for none. */
  proxyOf: string;
}

/** A registry that says nothing is shown, not changed. */
const DEFAULTS: Settings = { delete: false, readOnly: false, version: "", proxyOf: "" };

export async function loadSettings(origin: string): Promise<Settings> {
  try {
    const answer = await fetch(`${origin}/ui/config.json`, { cache: "no-cache" });
    if (!answer.ok) return DEFAULTS;
    return parseSettings(await answer.json());
  } catch {
    // The registry's own lists will fail the same way, with words on the page.
    return DEFAULTS;
  }
}

export function parseSettings(value: unknown): Settings {
  const fields = object(value);
  return {
    delete: fields.delete === true,
    readOnly: fields.readOnly === true,
    version: text(fields.version),
    proxyOf: text(fields.proxyOf),
  };
}
