import type { FileReader } from "./read-env.ts";

/** Longest seccomp profile that is sent. */
const MAX_PROFILE_BYTES = 4 * 1024 * 1024;

/**
 * `--security-opt` as the API wants it: a seccomp profile is read here and sent as its text, since the file is ours and not
 * the daemon's. `systempaths=unconfined` is no option of the API's: it empties two lists of the body.
 */
export async function readSecurityOptions(
  options: readonly string[],
  reader: FileReader,
): Promise<{ options: string[]; unconfinedPaths: boolean }> {
  const sent: string[] = [];
  const rest = options.filter((option) => option !== "systempaths=unconfined");
  for (const option of rest) sent.push(await readOption(option, reader));
  return { options: sent, unconfinedPaths: rest.length < options.length };
}

async function readOption(option: string, reader: FileReader): Promise<string> {
  const [key, value] = split(option);
  if (value === undefined && key !== "no-new-privileges" && key !== "disable" && key !== "writable-cgroups") {
    throw new Error(`Invalid --security-opt: ${JSON.stringify(option)}`);
  }
  if (key !== "seccomp" || value === undefined || value === "unconfined" || value === "builtin") return option;
  let text: string;
  try {
    text = await reader.readText(value, MAX_PROFILE_BYTES);
  } catch (error) {
    throw new Error(`opening seccomp profile (${value}) failed: ${(error as Error).message}`);
  }
  try {
    return `seccomp=${JSON.stringify(JSON.parse(text))}`;
  } catch (error) {
    throw new Error(`compacting json for seccomp profile (${value}) failed: ${(error as Error).message}`);
  }
}

function split(option: string): [key: string, value: string | undefined] {
  const match = /^([^=:]*)[=:](.*)$/s.exec(option);
  return match === null ? [option, undefined] : [match[1] ?? "", match[2] ?? ""];
}
