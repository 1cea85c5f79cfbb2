import { existsSync } from "node:fs";

export const skopeo = existsSync("/usr/bin/skopeo");

export function isInstalled(program: string): boolean {
  return existsSync(`/usr/bin/${program}`) || existsSync(`/bin/${program}`);
}

/** Its output. Throws with its complaint. */
export async function run(argv: string[], cwd: string): Promise<Buffer> {
  const child = Bun.spawn(argv, { cwd, stdout: "pipe", stderr: "pipe" });
  const [output, complaint] = await Promise.all([
    new Response(child.stdout).arrayBuffer(),
    new Response(child.stderr).text(),
  ]);
  if ((await child.exited) !== 0) throw new Error(`${argv.join(" ")}: ${complaint}`);
  return Buffer.from(output);
}
