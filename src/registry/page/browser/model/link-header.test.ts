import { expect, test } from "bun:test";
import { nextPage } from "./link-header.ts";

const base = "http://registry:5000/";

test.each([
  [null, undefined],
  ["", undefined],
  ['</v2/_catalog?n=2&last=b>; rel="next"', "/v2/_catalog?n=2&last=b"],
  ["</v2/a/tags/list?n=2>;rel=next", "/v2/a/tags/list?n=2"],
  ['<http://registry:5000/v2/_catalog?last=b>; rel="next"', "/v2/_catalog?last=b"],
  ['</v2/first>; rel="first", </v2/second>; rel="next"', "/v2/second"],
  ['</v2/first>; rel="prev"', undefined],
  ['</v2/x>; title="rel=next"', undefined],
  ['<http://elsewhere/v2/_catalog>; rel="next"', undefined],
  ['<//elsewhere/v2/_catalog>; rel="next"', undefined],
  ['</admin>; rel="next"', undefined],
  ['</v2/../admin>; rel="next"', undefined],
])("Link: %s", (header, expected) => {
  expect(nextPage(header, base)).toBe(expected as string);
});
