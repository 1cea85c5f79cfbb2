import { expect, test } from "bun:test";
import { ownerOf } from "./data-layout.ts";

test.each<[string, ReturnType<typeof ownerOf>]>([
  ["content/blobs/sha256/abc", { kind: "blob", digest: "sha256:abc" }],
  [
    "content/blobs/sha256",
    { kind: "engine", purpose: "image blobs: configs, manifests, layers as they were transferred" },
  ],
  ["content/ingest/partial-sha256-abc", { kind: "partial", digest: "sha256:abc" }],
  ["content/ingest/7", { kind: "passing", purpose: "blobs that are being received" }],
  ["content/index.json", { kind: "engine", purpose: "the engine's own files" }],
  ["snapshots/12/fs/etc/passwd", { kind: "layer", directory: "12" }],
  ["snapshots/active/c1/fs/x", { kind: "container", id: "c1" }],
  ["snapshots/staged-3", { kind: "passing", purpose: "layers that are being unpacked" }],
  ["snapshots/trash/x/y", { kind: "passing", purpose: "layers that are being deleted" }],
  ["containers/c1/hosts", { kind: "container", id: "c1" }],
  ["volumes/v/_data/deep", { kind: "volume", name: "v" }],
  ["volumes/.removing-1", { kind: "passing", purpose: "volumes that are being deleted" }],
  ["records/data.db", { kind: "engine", purpose: "records of images, containers, networks and volumes" }],
  ["engine-id", { kind: "engine", purpose: "the engine's own files" }],
  ["", { kind: "engine", purpose: "the engine's own files" }],
])("%s belongs to %j", (path, owner) => {
  expect(ownerOf(path)).toEqual(owner);
});
