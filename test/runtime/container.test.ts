import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { obstacle } from "../launcher/box.ts";
import { type ContainerBox, createContainerBox } from "./container-box.ts";

describe.skipIf(obstacle() !== undefined)("a default container", () => {
  let box: ContainerBox;
  beforeAll(async () => {
    box = await createContainerBox();
  });
  afterAll(() => box[Symbol.asyncDispose]());

  test("runs and leaves no cgroup behind", async () => {
    expect(await box.sh({}, "echo hello; hostname; id -u; pwd")).toBe("hello\nbox\n0\n/");
  });
});
