import type { SurveyRule } from "../kernel/survey.ts";

/** What lies in one kind of directory of the engine's. */
export interface Part {
  rule: SurveyRule;
  purpose: string;
}

/** Of the data root. Of rules of one length the first that matches counts. */
export const DATA_PARTS: Part[] = [
  { rule: "", purpose: "the engine's own files" },
  { rule: "content", purpose: "list of the blobs' names" },
  { rule: "content/blobs", purpose: "image blobs: configs, manifests, layers as they were transferred" },
  { rule: "content/ingest", purpose: "blobs that are being received" },
  { rule: "content/ingest/partial-*", purpose: "partial downloads" },
  { rule: "content/trash", purpose: "blobs that are being deleted" },
  { rule: "snapshots", purpose: "directory of the layers" },
  { rule: "snapshots/active", purpose: "directory of the containers' layers" },
  { rule: "snapshots/active/*", purpose: "containers' overlay work directories" },
  { rule: "snapshots/active/*/fs", purpose: "containers' writable layers" },
  { rule: "snapshots/staged-*", purpose: "layers that are being unpacked" },
  { rule: "snapshots/trash", purpose: "layers that are being deleted" },
  { rule: "snapshots/empty", purpose: "the empty directory" },
  { rule: "snapshots/*", purpose: "unpacked image layers" },
  { rule: "containers", purpose: "directory of the containers" },
  { rule: "containers/*", purpose: "containers' own files" },
  { rule: "containers/*/*-json.log*", purpose: "containers' logs" },
  { rule: "volumes", purpose: "directory of the volumes" },
  { rule: "volumes/.removing-*", purpose: "volumes that are being deleted" },
  { rule: "volumes/*", purpose: "volumes' directories" },
  { rule: "volumes/*/_data", purpose: "volumes' files" },
  { rule: "builder", purpose: "the builder's own files" },
  { rule: "builder/history", purpose: "records and logs of builds" },
  { rule: "builder/contexts", purpose: "directory of the build contexts" },
  { rule: "builder/contexts/*", purpose: "build contexts of clients, as they were sent last" },
  { rule: "builder/git", purpose: "repositories that builds have fetched" },
  { rule: "builder/http", purpose: "files that builds have fetched" },
  { rule: "builder/scratch", purpose: "files of builds under way" },
  { rule: "builder/mounts", purpose: "directory of the cache mounts" },
  { rule: "builder/mounts/*", purpose: "cache mounts of build steps" },
  { rule: "records", purpose: "records of images, containers, networks and volumes" },
];

/** Of the exec root. */
export const EXEC_PARTS: Part[] = [
  { rule: "", purpose: "the engine's own files" },
  { rule: "launchers", purpose: "sockets and exit records of containers" },
  { rule: "rootfs", purpose: "the directory that roots are mounted on" },
];

/** What a path of the data root belongs to. */
export type Owner =
  | { kind: "blob"; digest: string }
  | { kind: "partial"; digest: string }
  | { kind: "layer"; directory: string }
  | { kind: "container"; id: string }
  | { kind: "volume"; name: string }
  | { kind: "passing"; purpose: string }
  | { kind: "engine"; purpose: string };

/** `path`: relative to the data root, clean. Pure. */
export function ownerOf(path: string): Owner {
  const [room = "", first = "", second = "", name = ""] = path.split("/");
  switch (room) {
    case "content":
      if (first === "ingest" && second.startsWith("partial-"))
        return { kind: "partial", digest: second.slice("partial-".length).replace("-", ":") };
      if (first === "blobs" && name !== "") return { kind: "blob", digest: `${second}:${name}` };
      if (first === "ingest" || first === "trash") return { kind: "passing", purpose: purposeOf(`content/${first}`) };
      break;
    case "snapshots":
      if (/^[1-9]\d*$/.test(first)) return { kind: "layer", directory: first };
      if (first === "active" && second !== "") return { kind: "container", id: second };
      if (first === "trash") return { kind: "passing", purpose: purposeOf("snapshots/trash") };
      if (first.startsWith("staged-")) return { kind: "passing", purpose: purposeOf("snapshots/staged-*") };
      break;
    case "containers":
      if (first !== "") return { kind: "container", id: first };
      break;
    case "volumes":
      if (first.startsWith(".removing-")) return { kind: "passing", purpose: purposeOf("volumes/.removing-*") };
      if (first !== "") return { kind: "volume", name: first };
      break;
    default:
      return { kind: "engine", purpose: purposeOf(room) };
  }
  return { kind: "engine", purpose: purposeOf(first === "" ? room : `${room}/${first}`) };
}

function purposeOf(rule: string): string {
  const found = DATA_PARTS.find((part) => part.rule === rule) ?? DATA_PARTS[0];
  return found?.purpose ?? "";
}
