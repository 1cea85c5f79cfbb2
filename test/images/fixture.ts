import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSystemClock } from "../../src/base/clock.ts";
import { silentLogger } from "../../src/base/logger.ts";
import { digestOf } from "../../src/formats/oci/digest.ts";
import { encodeEnd, packFile } from "../../src/formats/tar/packer.ts";
import { createImages, type ImagesService } from "../../src/images/create-images.ts";
import type { ProgressMessage } from "../../src/images/images.ts";
import { createUnfinishedPulls, type UnfinishedPulls } from "../../src/images/pull/unfinished-pulls.ts";
import type { Content } from "../../src/storage/content/content.ts";
import { createContent } from "../../src/storage/content/content-store.ts";
import { openDatabase } from "../../src/storage/records/database.ts";
import {
  createImageRecords,
  IMAGE_MIGRATION,
  IMAGE_PARENT_MIGRATION,
  IMAGE_TARGET_MIGRATION,
} from "../../src/storage/records/images.ts";
import { createUnfinishedPullRecords, UNFINISHED_PULL_MIGRATION } from "../../src/storage/records/unfinished-pulls.ts";
import { createOverlaySnapshots } from "../../src/storage/snapshots/overlay.ts";
import type { Snapshots } from "../../src/storage/snapshots/snapshots.ts";

/** A whole image store in a directory of its own. */
export interface Fixture extends AsyncDisposable {
  root: string;
  content: Content;
  snapshots: Snapshots;
  images: ImagesService;
  unfinished: UnfinishedPulls;
  events: string[];
  users: { id: string; running: boolean }[];
}

export const isRoot = process.getuid?.() === 0;
if (!isRoot) console.log("(skip) test/images: unpacking layers needs root");

/** `bootId`: of the run of the kernel that is pretended. */
export async function openFixture(
  root = mkdtempSync(join(tmpdir(), "gantry-images-")),
  bootId = "this",
): Promise<Fixture> {
  mkdirSync(join(root, "records"), { recursive: true });
  const content = createContent({ root: join(root, "content") });
  const snapshots = createOverlaySnapshots({ root: join(root, "snapshots"), bootId, logger: silentLogger });
  const database = openDatabase(
    join(root, "records/data.db"),
    [IMAGE_MIGRATION, IMAGE_TARGET_MIGRATION, IMAGE_PARENT_MIGRATION, UNFINISHED_PULL_MIGRATION],
    { durable: true },
  );
  const clock = createSystemClock();
  const unfinished = createUnfinishedPulls({ records: createUnfinishedPullRecords(database), clock });
  const events: string[] = [];
  const users: { id: string; running: boolean }[] = [];
  const images = await createImages({
    content,
    snapshots,
    records: createImageRecords(database),
    usedBy: () => users,
    publish: ({ action }) => void events.push(action),
    clock,
    logger: silentLogger,
    unfinished,
  });
  return {
    root,
    content,
    snapshots,
    images,
    unfinished,
    events,
    users,
    async [Symbol.asyncDispose]() {
      await snapshots.close();
      database.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

export async function load(
  images: ImagesService,
  archive: Uint8Array | AsyncIterable<Uint8Array>,
): Promise<ProgressMessage[]> {
  const messages: ProgressMessage[] = [];
  await images.load(archive instanceof Uint8Array ? pieces(archive) : archive, {
    quiet: true,
    report: (message) => void messages.push(message),
    signal: new AbortController().signal,
  });
  return messages;
}

export async function* pieces(bytes: Uint8Array, step = 65_536): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += step) yield bytes.subarray(at, at + step);
}

export async function collect(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

export function archiveOf(files: Record<string, Uint8Array | string>): Buffer {
  const members = Object.entries(files).map(([name, bytes]) =>
    packFile({ name, mode: 0o644 }, Buffer.from(bytes as string)),
  );
  return Buffer.concat([...members, encodeEnd()]);
}

export function configOf(layers: Uint8Array[], extra: object = {}): string {
  return JSON.stringify({
    architecture: process.arch === "arm64" ? "arm64" : "amd64",
    os: "linux",
    created: "2024-05-06T07:08:09Z",
    config: { Cmd: ["sh"], Labels: { role: "test" } },
    rootfs: { type: "layers", diff_ids: layers.map((layer) => digestOf(layer)) },
    ...extra,
  });
}

/** As Docker before version 25 wrote them. */
export function dockerArchive(layers: Uint8Array[], tags: string[], stored: Uint8Array[] = layers): Buffer {
  const files: Record<string, Uint8Array | string> = {};
  for (const [at, layer] of stored.entries()) files[`layer${at}/layer.tar`] = layer;
  files["config.json"] = configOf(layers);
  const listing = [{ Config: "config.json", RepoTags: tags, Layers: layers.map((_, at) => `layer${at}/layer.tar`) }];
  return archiveOf({ ...files, "manifest.json": JSON.stringify(listing) });
}

/** The message with which it fails; undefined: it did not. */
export async function failure(promise: Promise<unknown>): Promise<string | undefined> {
  try {
    await promise;
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
