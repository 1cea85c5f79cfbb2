import { expect, test } from "bun:test";
import { paginate } from "./pagination.ts";

const tags = ["a", "b", "c", "d"];

test.each<[string, string[], string | undefined]>([
  ["", ["a", "b", "c", "d"], undefined],
  ["n=2", ["a", "b"], '</p?last=b&n=2>; rel="next"'],
  ["n=2&last=b", ["c", "d"], undefined],
  ["n=4", ["a", "b", "c", "d"], undefined],
  ["n=0", [], undefined],
  ["last=c", ["d"], undefined],
  ["last=bb", ["c", "d"], undefined],
  ["last=z&n=5", [], undefined],
])("?%s", (query, items, link) => {
  const page = paginate(tags, new URLSearchParams(query), "/p");
  expect([page.items, page.link]).toEqual([items, link]);
});

test.each(["-1", "x", "1.5", "", "99999999999"])("n=%s is refused", (n) => {
  expect(() => paginate(tags, new URLSearchParams({ n }), "/p")).toThrow("invalid number of results");
});
