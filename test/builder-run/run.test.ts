import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { obstacle } from "../launcher/box.ts";
import { openWorkshop, type Workshop } from "./workshop.ts";

describe.skipIf(obstacle() !== undefined)("RUN (needs root and busybox)", () => {
  let shop: Workshop;
  beforeAll(async () => {
    shop = await openWorkshop();
  });
  afterAll(() => shop.close());

  test("a command's changes become a layer, and nothing else does", async () => {
    const { tree, text } = await shop.run("echo hello; echo made > /made; rm /etc/nsswitch.conf; echo oops >&2");
    expect(text).toBe("hello\noops\n");
    expect(shop.contents(tree)).toEqual(["etc", "etc/nsswitch.conf (whiteout)", "made"]);
    expect(shop.leftovers()).toEqual([]);
  });
});
