import type { ConfigFile } from "../config-file.ts";

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
  const temporary = `${path}.${process.pid}.tmp`;
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
