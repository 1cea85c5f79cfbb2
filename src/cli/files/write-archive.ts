import { type CliContext, ExitError } from "../command.ts";

/** Written beside the target and renamed when complete: what breaks off leaves no half archive under the name. */
export async function writeArchive(
  context: CliContext,
  { path, what }: { path: string; what: string },
  chunks: AsyncIterable<Uint8Array>,
): Promise<void> {
  const { open, rename, unlink, stat } = await import("node:fs/promises");
  const existing = await stat(path).catch(() => undefined);
  const special = existing !== undefined && !existing.isFile();
  const target = special ? path : `${path}.${process.pid}.partial`;
  const file = await open(target, special ? "w" : "wx", 0o600).catch((error: unknown) => {
    throw new ExitError(1, `failed to ${what}: open ${path}: ${(error as Error).message}`);
  });
  const remove = async () => (special ? undefined : unlink(target).catch(() => undefined));
  const forget = context.onInterrupt(remove);
  try {
    for await (const chunk of chunks) await file.writeFile(chunk);
    await file.close();
    if (!special) await rename(target, path);
  } catch (error) {
    await file.close().catch(() => undefined);
    await remove();
    throw error;
  } finally {
    forget();
  }
}
