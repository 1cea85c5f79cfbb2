import { describe, expect, test } from "bun:test";
import { pushImage, pushMany } from "./content.ts";
import { skipped, usePage } from "./use-page.ts";

const COUNT = 230;

describe.skipIf(skipped !== "")(`the list of repositories${skipped}`, () => {
  const page = usePage({
    config: { delete: false, readOnly: false, version: "0.1.0", proxyOf: null },
    fill: async (url) => {
      await pushMany(url, COUNT, (index) => `many/app-${String(index).padStart(3, "0")}`);
      await pushImage(url, "zebra/stripes", { layers: [64] }, "a");
      await pushImage(url, "zebra/stripes", { layers: [65] }, "b");
    },
  });
  const names = () =>
    page.tab.value<string[]>("[...document.querySelectorAll('#repositories .name')].map((e) => e.textContent)");
  const filter = "document.getElementById('filter')";

  test("shows the first hundred at once, and the others when the reader comes near the end", async () => {
    await page.tab.look({ width: 1280, height: 400, dark: false });
    await page.tab.visit(`${page.url}/`);
    await page.tab.until("document.querySelectorAll('#repositories li').length === 100");
    expect(await page.tab.text(".count")).toBe("100+");
    expect((await names())[0]).toBe("many/app-000");
    await page.tab.until("document.querySelector('#repositories .aside').textContent === '1 tag'");
    for (const shown of [200, COUNT + 1]) {
      await page.tab.value("scrollTo(0, document.body.scrollHeight)");
      await page.tab.until(`document.querySelectorAll('#repositories li').length === ${shown}`);
    }
    expect(await page.tab.text(".count")).toBe(String(COUNT + 1));
    expect(new Set(await names()).size).toBe(COUNT + 1);
  });

  test("/ goes to the filter, which looks through all pages and keeps itself in the address", async () => {
    await page.tab.visit(`${page.url}/`);
    await page.tab.press("/");
    await page.tab.type("str zeb");
    await page.tab.until("document.querySelector('#repositories .name')?.textContent === 'zebra/stripes'");
    expect(await page.tab.text(".count")).toBe(`1 of ${COUNT + 1}`);
    await page.tab.until("document.querySelector('#repositories .aside').textContent === '2 tags'");
    expect(await page.tab.value<string[]>("[...document.querySelectorAll('mark')].map((e) => e.textContent)")).toEqual([
      "zeb",
      "str",
    ]);
    expect(await page.tab.value<string>("location.hash")).toBe("#/?q=str+zeb");
    await page.tab.press("x");
    await page.tab.until("document.querySelector('.empty')?.textContent.includes('str zebx')");
    await page.tab.press("Escape");
    await page.tab.until("document.querySelectorAll('#repositories li').length >= 100");
    expect(await page.tab.value<string>("location.hash")).toBe("#/");
  });

  test("works without a mouse: arrows go through the rows, Enter opens, focus is seen", async () => {
    await page.tab.visit(`${page.url}/#/?q=app-00`);
    await page.tab.until("document.querySelectorAll('#repositories li').length === 10");
    await page.tab.press("/", "ArrowDown", "ArrowDown");
    expect(await page.tab.value<string>("document.activeElement.getAttribute('href')")).toBe("#/many/app-001");
    expect(await page.tab.value<string>("getComputedStyle(document.activeElement).outlineStyle")).toBe("solid");
    await page.tab.press("ArrowUp", "ArrowUp");
    expect(await page.tab.value<boolean>(`document.activeElement === ${filter}`)).toBe(true);
    await page.tab.press("ArrowDown", "Enter");
    await page.tab.until("document.querySelector('h1')?.textContent === 'many/app-000'");
    expect(await page.tab.value<string>("document.activeElement.tagName")).toBe("H1");
    await page.tab.until("document.querySelector('.c-tag a')");
    await page.tab.press("Tab");
    expect(await page.tab.value<string>("document.activeElement.textContent")).toBe("latest");
    await page.tab.press("Enter");
    await page.tab.until("document.activeElement.textContent === 'many/app-000:latest'");
  });

  test("the back button returns to the same place of the list", async () => {
    await page.tab.visit(`${page.url}/`);
    await page.tab.until("document.querySelectorAll('#repositories li').length === 100");
    await page.tab.value("scrollTo(0, document.body.scrollHeight)");
    await page.tab.until("document.querySelectorAll('#repositories li').length === 200");
    await page.tab.value("scrollTo(0, 5000)");
    await page.tab.until("scrollY > 4900");
    await page.tab.click("#repositories li:nth-child(120) a");
    await page.tab.until("document.querySelector('h1')?.textContent === 'many/app-119'");
    expect(await page.tab.value<number>("scrollY")).toBe(0);
    const left = await page.tab.value<string>("history.back()");
    expect(left).toBeUndefined();
    await page.tab.until("document.querySelectorAll('#repositories li').length >= 120 && scrollY > 4000");
  });

  test("nothing is wider than a phone", async () => {
    await page.tab.look({ width: 360, height: 700, dark: true });
    for (const address of ["#/", "#/zebra/stripes", "#/zebra/stripes:a"]) {
      await page.tab.visit(`${page.url}/${address}`);
      await page.tab.until("!document.querySelector('[aria-busy]')");
      expect(await page.tab.value<number>("document.documentElement.scrollWidth")).toBeLessThanOrEqual(360);
    }
  });

  test("is less than 60 KB from one host, without a framework, and says who serves it", async () => {
    await page.tab.visit(`${page.url}/#/zebra/stripes:a`);
    const loaded = await page.tab.loaded();
    const own = Object.entries(loaded).filter(([path]) => !path.startsWith("/v2/"));
    expect(own.map(([path]) => path).sort()).toEqual([
      "/",
      "/ui/app.js",
      "/ui/config.json",
      "/ui/icon.svg",
      "/ui/style.css",
    ]);
    expect(own.reduce((sum, [, size]) => sum + size, 0)).toBeLessThan(60_000);
    expect(await page.tab.text("#version")).toBe("Gantry 0.1.0");
  });

  test("an address that names nothing says so", async () => {
    page.expected.push(
      /status of 404 .*\/v2\/no\/such\/tags\/list/,
      /status of 404 .*\/v2\/zebra\/stripes\/manifests\/none/,
    );
    await page.tab.visit(`${page.url}/#/no/such`);
    expect(await page.tab.text(".notice h2")).toBe("No such repository");
    await page.tab.value("location.hash = '#/zebra/stripes:none'");
    await page.tab.until("document.querySelector('.notice h2')?.textContent === 'No such image'");
    await page.tab.value("location.hash = '#/Not/A/Name'");
    await page.tab.until("document.querySelector('h1')?.textContent === 'No such page'");
  });
});

describe.skipIf(skipped !== "")(`an empty registry${skipped}`, () => {
  const page = usePage();

  test("teaches how to push, and works without settings", async () => {
    page.expected.push(/status of 404 .*\/ui\/config\.json/);
    await page.tab.visit(`${page.url}/`);
    expect(await page.tab.text(".empty h2")).toBe("This registry is empty");
    const host = page.url.slice("http://".length);
    const commands = await page.tab.value<string[]>(
      "[...document.querySelectorAll('.command code')].map((e) => e.textContent)",
    );
    expect(commands).toEqual([`docker tag my-app ${host}/my-app:1.0`, `docker push ${host}/my-app:1.0`]);
  });
});
