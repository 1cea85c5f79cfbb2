import { describe, expect, test } from "bun:test";
import { pushImage } from "./content.ts";
import { skipped, usePage } from "./use-page.ts";

type Guard = "none" | "basic" | { realm: string; anonymous: boolean };
let guard: Guard = "none";
const scopes: string[] = [];

/** The registry's guards: Basic for everything, or a token service on this origin (or elsewhere, as its challenge tells). */
function intercept(request: Request): Response | undefined {
  const url = new URL(request.url);
  const authorization = request.headers.get("Authorization");
  if (guard === "none") return undefined;
  if (guard === "basic") return authorization === ALICE ? undefined : refusal('Basic realm="registry"');
  if (url.pathname === "/token") {
    const scope = url.searchParams.get("scope") ?? "";
    if (authorization === null && guard.anonymous) return Response.json({ token: "nobody" });
    if (authorization !== ALICE) return new Response("no", { status: 401 });
    scopes.push(scope);
    return Response.json({ token: `for ${scope}` });
  }
  if (!url.pathname.startsWith("/v2/")) return undefined;
  const scope = url.pathname.includes("_catalog") ? "registry:catalog:*" : "repository:team/app:pull";
  if (authorization === `Bearer for ${scope}`) return undefined;
  return refusal(`Bearer realm="${guard.realm}",service="registry.test",scope="${scope}"`);
}

const ALICE = `Basic ${btoa("alice:secret")}`;

function refusal(challenge: string): Response {
  return Response.json(
    { errors: [{ code: "UNAUTHORIZED" }] },
    { status: 401, headers: { "WWW-Authenticate": challenge } },
  );
}

describe.skipIf(skipped !== "")(`signing in${skipped}`, () => {
  const page = usePage({
    config: { delete: false, readOnly: false, version: "", proxyOf: "docker.io" },
    intercept,
    fill: async (url) => {
      guard = "none";
      await pushImage(url, "team/app", { layers: [100] }, "1.0");
    },
  });
  const signIn = async (password: string) => {
    await page.tab.until("document.querySelector('#user') === document.activeElement");
    await page.tab.type("alice");
    await page.tab.press("Tab");
    await page.tab.type(password);
    await page.tab.press("Enter");
  };

  test("asks once, again after a wrong password, and keeps nothing outside the page's memory", async () => {
    guard = { realm: "/token", anonymous: false };
    page.expected.push(/status of 401/);
    await page.tab.visit(`${page.url}/`);
    await signIn("wrong");
    expect(await page.tab.text("dialog .notice")).toContain("not accepted");
    await signIn("secret");
    expect(await page.tab.text("#repositories .name")).toBe("team/app");
    await page.tab.click("#repositories a");
    expect(await page.tab.text(".c-size")).toBe("Size");
    await page.tab.until("document.querySelector('td.c-kind')?.textContent === 'Image'");
    expect(scopes).toContain("registry:catalog:*");
    expect(scopes).toContain("repository:team/app:pull");
    expect(await page.tab.value<unknown[]>("[document.cookie, localStorage.length, sessionStorage.length]")).toEqual([
      "",
      0,
      0,
    ]);
    await page.tab.visit(`${page.url}/`);
    await page.tab.until("document.querySelector('#user')");
  });

  test("who does not sign in is told, and may try again", async () => {
    guard = { realm: "/token", anonymous: false };
    page.expected.push(/status of 401/);
    await page.tab.visit(`${page.url}/`);
    await page.tab.until("document.querySelector('#user')");
    await page.tab.press("Escape");
    expect(await page.tab.text(".notice h2")).toBe("Not signed in");
    await page.tab.click(".notice button");
    await signIn("secret");
    expect(await page.tab.text("#repositories .name")).toBe("team/app");
  });

  test("a token for nobody in particular that is not enough leads to the question who it is", async () => {
    guard = { realm: "/token", anonymous: true };
    page.expected.push(/status of 401/);
    await page.tab.visit(`${page.url}/`);
    await signIn("secret");
    expect(await page.tab.text("#repositories .name")).toBe("team/app");
  });

  test("Basic is the browser's own business, also with the user in the address", async () => {
    guard = "basic";
    await page.tab.visit(`${page.url.replace("//", "//alice:secret@")}/`);
    expect(await page.tab.text("#repositories .name")).toBe("team/app");
  });

  test("a token service on another host is named, and nothing is sent there", async () => {
    guard = { realm: "https://auth.example/token", anonymous: false };
    page.expected.push(/status of 401/);
    await page.tab.visit(`${page.url}/`);
    expect(await page.tab.text(".notice h2")).toBe("Sign-in is on another host");
    expect(await page.tab.text(".notice p")).toContain("https://auth.example");
    expect(await page.tab.text("#about")).toContain("cache of docker.io");
  });
});
