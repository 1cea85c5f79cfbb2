import { expect, test } from "bun:test";
import { withoutCredentials } from "./without-credentials.ts";

const CASES: [string, string][] = [
  ["https://git.test/app.git", "https://git.test/app.git"],
  ["https://ann:secret@git.test/app.git#main:sub", "https://git.test/app.git#main:sub"],
  ["https://token@git.test/app.git", "https://git.test/app.git"],
  ["https://ann:p@ss@git.test/a", "https://git.test/a"],
  ["ssh://git@git.test/app.git", "ssh://git.test/app.git"],
  ["git@git.test:app.git", "git@git.test:app.git"],
  ["a http://u:p@a.test b https://u:p@b.test/c", "a http://a.test b https://b.test/c"],
  ["https://a.test/x?access_token=abc&b=1#c", "https://a.test/x?access_token=xxxxx&b=1#c"],
  ["https://a.test/x?X-Amz-Signature=abc", "https://a.test/x?X-Amz-Signature=xxxxx"],
  ["https://a.test/mail@example.test", "https://a.test/mail@example.test"],
  ["no address", "no address"],
];

for (const [text, expected] of CASES)
  test(`${text} is told as ${expected}`, () => expect(withoutCredentials(text)).toBe(expected));

test("a long text is not gone over again and again", () => {
  const started = performance.now();
  withoutCredentials(`https://${"a@".repeat(100_000)}`);
  withoutCredentials(`${"https://".repeat(50_000)}@`);
  withoutCredentials("a".repeat(1_000_000));
  withoutCredentials(`?${"a".repeat(1_000_000)}`);
  withoutCredentials("?token".repeat(200_000));
  expect(performance.now() - started).toBeLessThan(2000);
});
