import { randomId } from "../../base/ids.ts";
import type { ConfigFile } from "../config-file.ts";

/** Between this and `config.json` stands something by chance: several of us may write at once. */
const UNFINISHED = ".gantry-tmp";
/** Nobody is at one file for that long: what is older was left behind by a crash, with an account in it. */
const UNFINISHED_AGE_MS = 60_000;

/**
 * Changes `config.json`: read anew, changed, written beside itself and renamed, mode 0600. What we do not know of stays, in its
 * order; a symbolic link stays one. Returns whether anything changed.
 */
export async function updateConfigFile(dir: string, change: (config: ConfigFile) => void): Promise<boolean> {
  const { mkdir, realpath } = await import("node:fs/promises");
  const named = `${dir}/config.json`;
  const path = await realpath(named).catch((error: { code?: string }) => {
    if (error.code === "ENOENT") return named;
    throw error;
  });
  const before = (await Bun.file(path).exists()) ? await Bun.file(path).text() : "";
  const config = parse(path, before);
  const unchanged = JSON.stringify(config);
  change(config);
  if (JSON.stringify(config) === unchanged) return false;
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await sweep(path);
  // Docker indents with tabs and ends without a new line.
  await replaceFile(path, JSON.stringify(config, null, "\t"));
  return true;
}

function parse(path: string, text: string): ConfigFile {
  if (text.trim() === "") return {};
  try {
    return JSON.parse(text) as ConfigFile;
  } catch (error) {
    // Written anew it would lose what the user has in there.
    throw new Error(`${path} is not JSON, and was not changed: ${(error as Error).message}`);
  }
}

async function replaceFile(path: string, text: string): Promise<void> {
  const { open, rename, stat, unlink } = await import("node:fs/promises");
  const temporary = `${path}.${randomId().slice(0, 12)}${UNFINISHED}`;
  const file = await open(temporary, "wx", 0o600);
  try {
    await file.writeFile(text);
    // Root may be at work on a user's file.
    const old = await stat(path).catch(() => undefined);
    if (old !== undefined && process.getuid?.() === 0) await file.chown(old.uid, old.gid);
    await file.sync();
    await file.close();
    await rename(temporary, path);
  } catch (error) {
    await file.close().catch(() => undefined);
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
}

/** Removes what a crash left beside the file. */
async function sweep(path: string): Promise<void> {
  const { readdir, stat, unlink } = await import("node:fs/promises");
  const slash = path.lastIndexOf("/");
  const [folder, name] = [path.slice(0, slash), path.slice(slash + 1)];
  for (const entry of await readdir(folder)) {
    if (!entry.startsWith(`${name}.`) || !entry.endsWith(UNFINISHED)) continue;
    // Whoever it belongs to may be done with it in the meantime.
    const found = await stat(`${folder}/${entry}`).catch(() => undefined);
    if (found === undefined || Date.now() - found.mtimeMs < UNFINISHED_AGE_MS) continue;
    await unlink(`${folder}/${entry}`).catch(() => undefined);
  }
}
