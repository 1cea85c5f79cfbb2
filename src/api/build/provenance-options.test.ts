import { expect, test } from "bun:test";
import { provenanceOptions } from "./provenance-options.ts";

test("what a client says of its provenance", () => {
  expect(provenanceOptions({ mode: "max" })).toEqual({});
  expect(provenanceOptions({ version: "v1", "builder-id": "https://ci.test", reproducible: "true" })).toEqual({
    provenanceVersion: "v1",
    builderId: "https://ci.test",
    reproducible: true,
  });
  expect(() => provenanceOptions({ version: "v9" })).toThrow("invalid provenance SLSA version: v9");
});
