import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { digestOf } from "../../formats/oci/digest.ts";
import { createImageRecords, IMAGE_MIGRATION, IMAGE_PARENT_MIGRATION, IMAGE_TARGET_MIGRATION } from "./images.ts";

const digest = (text: string) => digestOf(Buffer.from(text));
const LATER = [...IMAGE_TARGET_MIGRATION, ...IMAGE_PARENT_MIGRATION];
const ROW = { id: digest("config"), manifestDigest: digest("manifest"), layers: [] };
const NAME = { reference: "docker.io/library/a:1", imageId: ROW.id, taggedAtMs: 5 };

test("a reference comes back with its target, or without one", () => {
  const database = new Database(":memory:", { strict: true });
  for (const statement of [...IMAGE_MIGRATION, ...LATER]) database.run(statement);
  const records = createImageRecords(database);
  const named = { ...NAME, target: digest("index") };
  const local = { ...NAME, reference: "docker.io/library/b:1" };
  records.put(ROW, [named, local]);
  expect(records.references()).toEqual([named, local]);
  records.putReference({ ...NAME });
  expect(records.references()).toEqual([NAME, local]);
});

test("an image comes back with its parent", () => {
  const database = new Database(":memory:", { strict: true });
  for (const statement of [...IMAGE_MIGRATION, ...LATER]) database.run(statement);
  const records = createImageRecords(database);
  const child = { ...ROW, id: digest("child"), parent: ROW.id };
  records.put(ROW, []);
  records.put(child, []);
  expect(records.images().toSorted((a) => (a.parent === undefined ? -1 : 1))).toEqual([ROW, child]);
});

test("references written before targets were known are kept", () => {
  const database = new Database(":memory:", { strict: true });
  for (const statement of IMAGE_MIGRATION) database.run(statement);
  database.run("INSERT INTO images VALUES (?, ?, '[]')", [ROW.id, ROW.manifestDigest]);
  database.run("INSERT INTO image_references VALUES (?, ?, ?)", [NAME.reference, NAME.imageId, NAME.taggedAtMs]);
  for (const statement of LATER) database.run(statement);
  const records = createImageRecords(database);
  expect(records.images()).toEqual([ROW]);
  expect(records.references()).toEqual([NAME]);
});
