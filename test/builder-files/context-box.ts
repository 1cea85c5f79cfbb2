import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "../../src/base/logger.ts";
import type { ContextOptions, Contexts } from "../../src/builder/contexts/contexts.ts";
import { createContexts } from "../../src/builder/contexts/create-contexts.ts";
import type { BuildEvent } from "../../src/builder/events.ts";
import { openSourceStores } from "../../src/builder/sources/open-stores.ts";
import { type FakeSession, fakeSession } from "./fake-session.ts";
import { type Files, writeFiles } from "./world.ts";

export interface Box extends Disposable {
  root: string;
  /** The client's directory. */
  client: string;
  session: FakeSession;
  events: BuildEvent[];
  contexts: Contexts;
  options: ContextOptions;
  /** A daemon that starts anew. */
  reopen(bootId?: string): Contexts;
}

export function openBox(files: Files = {}): Box {
  const root = mkdtempSync(join(tmpdir(), "gantry-contexts-"));
  const client = join(root, "client");
  const directory = join(root, "builder");
  mkdirSync(client);
  mkdirSync(directory);
  writeFiles(client, files);
  const events: BuildEvent[] = [];
  const session = fakeSession({ context: client });
  const opened: ReturnType<typeof openSourceStores>[] = [];
  const reopen = (bootId = "this") => {
    const stores = openSourceStores(directory);
    opened.push(stores);
    return createContexts({ ...stores, directory, bootId, logger: silentLogger });
  };
  const signal = new AbortController().signal;
  const options = { session, vertex: "sha256:0", report: (event: BuildEvent) => void events.push(event), signal };
  return {
    root,
    client,
    session,
    events,
    options,
    reopen,
    contexts: reopen(),
    [Symbol.dispose]() {
      for (const stores of opened) stores.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

export const SOURCE = { kind: "session", name: "context", sharedKey: "k" } as const;
export const ALL = { include: [] as string[], exclude: [] as string[], followPaths: [] as string[] };

export async function receive(box: Box, contexts = box.contexts, selection: Partial<typeof ALL> = {}) {
  const context = await contexts.open(SOURCE, box.options);
  const source = await context.files({ ...ALL, ...selection }, box.options);
  return { context, source, close: () => context.close() };
}

/** `path mode content`. */
export function show(directory: string): string[] {
  const lines: string[] = [];
  for (const path of readdirSync(directory, { recursive: true, encoding: "utf8" }).sort()) {
    const status = lstatSync(join(directory, path));
    const content = status.isFile() ? readFileSync(join(directory, path), "utf8") : "";
    lines.push(`${path} ${(status.mode & 0o7777).toString(8)} ${content}`.trimEnd());
  }
  return lines;
}

export const FILES: Files = {
  Dockerfile: "FROM scratch",
  "app/main|755": "main",
  "app/deep/x": "x",
  "app/link": { to: "main" },
  "other name": { like: "Dockerfile" },
  empty: "",
};
