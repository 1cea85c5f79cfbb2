import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { createSystemClock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import { createLogger } from "../base/logger.ts";
import { HelpRequested, type Parsed } from "../cli/flags/flag-set.ts";
import { lockFile } from "../kernel/file-lock.ts";
import type { RegistryConfig } from "../registry/server/config/config.ts";
import { checkStorage, removeDamaged } from "../registry/server/storage/check.ts";
import { collect } from "../registry/server/storage/gc/collect.ts";
import { LEAST_GRACE_MS, openStorage } from "../registry/server/storage/storage.ts";
import { parseVerb, registryUsage, type VerbName, VERBS, verbUsage } from "./registry-flags.ts";
import { serveRegistry } from "./registry-serve.ts";

/** `gantry registry …`. Returns the exit code. */
export async function runRegistry(argv: string[]): Promise<number> {
  const [word = "", ...rest] = argv;
  if (word === "" || word === "--help" || word === "-h") {
    process.stdout.write(registryUsage());
    return 0;
  }
  if (!Object.hasOwn(VERBS, word)) {
    process.stderr.write(`gantry registry: '${word}' is not a command.\n\n${registryUsage()}`);
    return 1;
  }
  const verb = word as VerbName;
  try {
    const { config, flags } = parseVerb(verb, rest);
    if (verb === "serve") return await serveRegistry(config);
    return await (verb === "gc" ? collectOnce(config, flags.bool("offline")) : check(config, flags));
  } catch (error) {
    const help = error instanceof HelpRequested;
    (help ? process.stdout : process.stderr).write(help ? verbUsage(verb) : `gantry registry: ${messageOf(error)}\n`);
    return help ? 0 : 1;
  }
}

function open({ root }: RegistryConfig, readOnly: boolean) {
  if (!existsSync(join(root, "oci-layout"))) throw new Error(`${root} holds no registry`);
  const logger = createLogger("warn", (line) => process.stderr.write(line));
  const deps = { lock: lockFile, clock: createSystemClock(), logger };
  return openStorage({ root: resolve(root), readOnly }, deps);
}

async function collectOnce(config: RegistryConfig, offline: boolean): Promise<number> {
  const storage = await open(config, false);
  const { gc } = config;
  const graceMs = offline ? 0 : Math.max(gc.graceMs, LEAST_GRACE_MS);
  const collected = await collect(storage, createSystemClock(), {
    ...gc,
    graceMs,
    ...(offline ? { uploadExpiryMs: 0 } : {}),
  });
  if (collected === undefined) throw new Error("another process collects at this moment");
  const { manifests, blobs, uploads, bytes, damaged } = collected;
  for (const repository of damaged) process.stdout.write(`${repository}: damaged, left as it is\n`);
  process.stdout.write(`removed ${manifests} manifests, ${blobs} blobs, ${uploads} uploads: ${bytes} bytes\n`);
  return 0;
}

async function check(config: RegistryConfig, flags: Parsed): Promise<number> {
  const { blobs, repositories, damage } = await checkStorage(await open(config, true), {
    partial: flags.bool("partial"),
  });
  for (const { where, what } of damage) process.stdout.write(`${where}: ${what}\n`);
  if (flags.bool("remove-damaged")) process.stdout.write(`removed ${await removeDamaged(damage)} files\n`);
  process.stdout.write(`checked ${blobs} blobs in ${repositories} repositories: ${damage.length} damaged\n`);
  return damage.length === 0 ? 0 : 1;
}
