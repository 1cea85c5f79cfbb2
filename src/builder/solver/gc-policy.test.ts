import { expect, test } from "bun:test";
import { parseGcPolicy } from "./gc-policy.ts";

const TB = 1e12;
const GiB = 2 ** 30;

test("without a word: a tenth of the disk, 10 GB at most", () => {
  expect(parseGcPolicy(undefined, TB).rules).toEqual([{ all: false, filters: {}, keepStorageBytes: 10e9 }]);
  expect(parseGcPolicy({}, 20e9).rules[0]?.keepStorageBytes).toBe(2e9);
});

test.each<[unknown, ReturnType<typeof parseGcPolicy>["rules"]]>([
  [{ gc: { enabled: false } }, []],
  [{ gc: { enabled: true, defaultKeepStorage: "20GB" } }, [{ all: false, filters: {}, keepStorageBytes: 20 * GiB }]],
  [{ gc: { defaultReservedSpace: "1.5gib" } }, [{ all: false, filters: {}, keepStorageBytes: 1.5 * GiB }]],
  [{ gc: { defaultKeepStorage: 1000 } }, [{ all: false, filters: {}, keepStorageBytes: 1000 }]],
  [
    {
      gc: {
        defaultKeepStorage: "5k",
        policy: [{ keepStorage: "512MB", filter: ["unused-for=48h,type==source.local"] }, { all: true }],
      },
    },
    [
      { all: false, filters: { "unused-for": ["48h"], type: ["source.local"] }, keepStorageBytes: 512 << 20 },
      { all: true, filters: {}, keepStorageBytes: 5120 },
    ],
  ],
])("%j", (builder, rules) => {
  expect(parseGcPolicy(builder, TB).rules).toEqual(rules);
});

test.each<[unknown, string]>([
  [[], "builder must be an object"],
  [{ gc: 1 }, "builder.gc must be an object"],
  [{ gc: { policy: {} } }, "builder.gc.policy must be a list"],
  [{ gc: { policy: [{ filter: ["colour=red"] }] } }, "invalid filter 'colour'"],
  [{ gc: { defaultKeepStorage: "much" } }, 'invalid size "much" of defaultKeepStorage'],
])("%j is refused: %s", (builder, message) => {
  expect(() => parseGcPolicy(builder, TB)).toThrow(message);
});
