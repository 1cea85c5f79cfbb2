import { createTarParser } from "../../src/formats/tar/parser.ts";
import type { TestDaemon } from "../harness/daemon.ts";
import { treeOf } from "../peers/tree-of.ts";
import { CONTEXT_TIME_S } from "./build-case.ts";

/** What of an image must be the same, whoever built it. */
export interface DescribedImage {
  config: Record<string, unknown>;
  history: { createdBy: string; isEmpty: boolean }[];
  /** Names that the base image does not have, or has differently. */
  tree: string[];
}

const FIELDS = [
  "User",
  "ExposedPorts",
  "Env",
  "Entrypoint",
  "Cmd",
  "Volumes",
  "WorkingDir",
  "Labels",
  "StopSignal",
  "OnBuild",
  "Shell",
  "Healthcheck",
];
/** What an engine puts there for containers to have something to mount on. */
const STUBS = /^(\.dockerenv|dev|proc|sys|run|etc\/(hosts|hostname|resolv\.conf|mtab))(\/| |$)/;

/** Of an archive as `docker save` writes it; its files are looked at by our daemon, which has loaded it as `tag`. */
export async function describeImage(
  daemon: TestDaemon,
  archive: Uint8Array,
  tag: string,
  base: string[],
): Promise<DescribedImage> {
  const files = filesOf(archive);
  const [listing] = JSON.parse(text(files, "manifest.json")) as { Config: string }[];
  const document = JSON.parse(text(files, listing?.Config ?? "")) as {
    config?: Record<string, unknown>;
    history?: { created_by?: string; empty_layer?: boolean }[];
  };
  const config = Object.fromEntries(FIELDS.flatMap((field) => said(field, document.config?.[field])));
  const history = (document.history ?? []).map(({ created_by = "", empty_layer = false }) => ({
    createdBy: created_by,
    isEmpty: empty_layer,
  }));
  const known = new Set(base);
  return { config, history, tree: (await treeInDaemon(daemon, tag)).filter((line) => !known.has(line)) };
}

/** Engines say nothing in different ways. */
function said(field: string, value: unknown): [string, unknown][] {
  const isNothing = value === undefined || value === null || value === "" || Object.keys(value).length === 0;
  return isNothing || (field === "WorkingDir" && value === "/") ? [] : [[field, value]];
}

/** All names of an image's root, as a new container of it has them. */
export async function treeInDaemon(daemon: TestDaemon, image: string): Promise<string[]> {
  const { Id } = await daemon.call<{ Id: string }>("POST", "/containers/create", { Image: image, Cmd: ["-"] });
  try {
    const response = await daemon.request(`/containers/${Id}/export`);
    const archive = new Uint8Array(await response.arrayBuffer());
    return treeOf(archive, { directory: "", latest: BigInt(CONTEXT_TIME_S) }).filter((line) => !STUBS.test(line));
  } finally {
    await daemon.call("DELETE", `/containers/${Id}?force=1`);
  }
}

function text(files: Map<string, Buffer>, name: string): string {
  const found = files.get(name);
  if (found === undefined) throw new Error(`the archive has no ${JSON.stringify(name)}`);
  return found.toString();
}

/** Small ones: documents. */
function filesOf(archive: Uint8Array): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  let current = "";
  const parser = createTarParser({
    entry: (entry) => {
      current = entry.type === "file" && entry.sizeBytes < 1 << 20 ? entry.name.toString() : "";
      if (current !== "") files.set(current, Buffer.alloc(0));
    },
    data: (bytes) => {
      if (current !== "") files.set(current, Buffer.concat([files.get(current) as Buffer, bytes]));
    },
    close: () => undefined,
  });
  parser.push(archive);
  parser.end();
  return files;
}
