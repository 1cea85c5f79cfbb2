import { afterAll, expect, test } from "bun:test";
import { fetchSource } from "./fetch-source.ts";

const never = new Promise<never>(() => undefined);
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  async fetch({ url, headers }) {
    const { pathname } = new URL(url);
    if (pathname === "/loop") return Response.redirect("/loop");
    if (pathname === "/file") return new Response(null, { status: 302, headers: { Location: "file:///etc/passwd" } });
    if (pathname === "/moved") return Response.redirect("/whole");
    if (pathname === "/missing") return new Response("no", { status: 404, statusText: "Not Found" });
    if (pathname === "/account") return new Response(headers.get("authorization"));
    if (pathname === "/stalls") {
      return new Response(
        new ReadableStream({
          async start(controller) {
            controller.enqueue(Buffer.from("some"));
            await never;
          },
        }),
      );
    }
    return new Response("x".repeat(3_000_000));
  },
});
afterAll(() => server.stop(true));

const at = (path: string) => `http://127.0.0.1:${server.port}${path}`;

async function check(url: string, limits = { sizeBytes: 10_000_000, stallMs: 200 }) {
  const said: string[] = [];
  const report = ({ status, current }: { status?: string; current?: number }) =>
    void said.push(`${status}${current === undefined ? "" : " bytes"}`);
  try {
    let text = "";
    const source = await fetchSource(url, { report, limits, signal: new AbortController().signal });
    for await (const chunk of source) text += Buffer.from(chunk).toString();
    return { text, said };
  } catch (error) {
    return { text: (error as Error).message, said };
  }
}

test("an archive is fetched, over redirects too, and progress is told", async () => {
  const { text, said } = await check(at("/moved"));
  expect(text).toHaveLength(3_000_000);
  expect(said[0]).toBe(`Downloading from ${at("/moved")}`);
  expect(said.at(-1)).toBe("Downloading bytes");
  expect((await check(`127.0.0.1:${server.port}/whole`)).text).toHaveLength(3_000_000);
});

test("an account in the URL is sent, and not shown", async () => {
  const { text, said } = await check(`http://me:secret@127.0.0.1:${server.port}/account`);
  expect(text).toBe(`Basic ${Buffer.from("me:secret").toString("base64")}`);
  expect(said.join()).not.toContain("secret");
});

test.each<[string, string]>([
  ["file:///etc/passwd", '"file:///etc/passwd" is no http or https URL'],
  ["ftp://x/y", '"ftp://x/y" is no http or https URL'],
  ["http://", '"http://" is no http or https URL'],
])("%s is refused", async (url, message) => {
  expect((await check(url)).text).toBe(message);
});

test.each<[string, string]>([
  ["/missing", "Got HTTP status code >= 400: 404 Not Found"],
  ["/loop", "stopped after 10 redirects"],
  ["/file", "redirected to file:"],
  ["/stalls", "the connection stalled"],
])("%s fails", async (path, message) => {
  expect((await check(at(path))).text).toContain(message);
});

test("more bytes than may be are refused while they come", async () => {
  expect((await check(at("/whole"), { sizeBytes: 1_000_000, stallMs: 1000 })).text).toContain(
    "larger than 1000000 bytes",
  );
});
