import { expect, test } from "bun:test";
import { layerOrigins, mayShare, uniteOrigins } from "./link-origins.ts";

const PULLED = layerOrigins({ chainId: "pulled", linkedFrom: [] });
const FROM_CONTEXT = layerOrigins({ chainId: "copied", linkedFrom: ["context"] });
const FROM_STAGE = layerOrigins({ chainId: "final", linkedFrom: FROM_CONTEXT });
const FROM_PULLED = layerOrigins({ chainId: "picked", linkedFrom: PULLED });
const many = Array.from({ length: 65 }, (_, at) => `context ${at}`);
const FROM_MANY = layerOrigins({ chainId: "many", linkedFrom: uniteOrigins([many]) });

test.each([
  ["a context and an image from elsewhere", ["context"], PULLED, false],
  ["a context and a layer that was linked from it", ["context"], FROM_CONTEXT, true],
  ["two contexts", ["other"], FROM_CONTEXT, false],
  ["a context and a layer linked from a layer linked from it", ["context"], FROM_STAGE, true],
  ["a layer and one that was linked from it", FROM_CONTEXT, FROM_STAGE, true],
  ["a layer and itself", PULLED, PULLED, true],
  ["two layers from elsewhere", PULLED, layerOrigins({ chainId: "another", linkedFrom: [] }), false],
  ["two layers linked from the same third", FROM_PULLED, layerOrigins({ chainId: "x", linkedFrom: PULLED }), true],
  ["a layer of too many origins and anything", FROM_MANY, PULLED, true],
  ["a layer of too many origins and a directory without files of others", FROM_MANY, [], false],
])("whether %s may have names of one file", (_what, one, other, expected) => {
  expect(mayShare(one, other)).toBe(expected);
  expect(mayShare(other, one)).toBe(expected);
});

test.each([
  ["none", [], []],
  ["the same in any order", [["b", "a"], ["a"]], ["a", "b"]],
  ["as many as a record holds", [many.slice(1)], many.slice(1).sort()],
  ["one more, over two lists", [many.slice(1), many.slice(0, 2)], ["*"]],
  ["any place, and another", [["*"], ["a"]], ["*"]],
])("a layer remembers of its origins: %s", (_what, lists, expected) => {
  expect(uniteOrigins(lists)).toEqual(expected);
});
