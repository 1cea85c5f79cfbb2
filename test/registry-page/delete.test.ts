import { describe, expect, test } from "bun:test";
import { pushImage } from "./content.ts";
import { ALLOWED, skipped, usePage } from "./use-page.ts";

let deletes: string[] = [];
let answer: Response | undefined;

describe.skipIf(skipped !== "")(`deleting${skipped}`, () => {
  const page = usePage({
    config: ALLOWED,
    // A registry may delete single tags or not: both are played here. Images go from the real one.
    intercept: (request) => {
      const { pathname } = new URL(request.url);
      if (request.method !== "DELETE") return undefined;
      deletes.push(pathname);
      return pathname.includes("sha256:") ? undefined : answer;
    },
    fill: async (url) => {
      for (const tag of ["1.0", "1", "latest"]) await pushImage(url, "team/app", { layers: [100] }, tag);
      await pushImage(url, "team/app", { layers: [200] }, "other");
    },
  });
  const dialog = "document.querySelector('dialog')";
  const open = async (reference: string) => {
    deletes = [];
    await page.tab.visit(`${page.url}/#/team/app:${reference}`);
    await page.tab.click(".danger-quiet");
    await page.tab.until("document.querySelector('dialog form')");
  };

  test("Cancel and Escape change nothing", async () => {
    await open("1.0");
    await page.tab.until("document.activeElement.textContent === 'Cancel'");
    await page.tab.press("Escape");
    await page.tab.until(`${dialog} === null`);
    await open("1.0");
    await page.tab.until("document.activeElement.textContent === 'Cancel'");
    await page.tab.press("Enter");
    await page.tab.until(`${dialog} === null`);
    expect(deletes).toEqual([]);
  });

  test("a single tag: the dialog names what goes and what stays", async () => {
    answer = new Response(undefined, { status: 202 });
    await open("1.0");
    expect(await page.tab.text("dialog .option")).toMatch(
      /Only the tag 1\.0\nThe image [0-9a-f]{12} stays, as latest, 1\./,
    );
    expect(await page.tab.text("dialog .danger")).toBe("Delete tag 1.0");
    await page.tab.click("dialog .danger");
    await page.tab.until("location.hash === '#/team/app'");
    expect(deletes).toEqual(["/v2/team/app/manifests/1.0"]);
  });

  test("a registry that deletes no single tags is explained, and the image is deleted with all its tags", async () => {
    page.expected.push(/status of 405/);
    answer = Response.json({ errors: [{ code: "UNSUPPORTED", message: "not supported" }] }, { status: 405 });
    await open("1.0");
    await page.tab.click("dialog .danger");
    expect(await page.tab.text("dialog .notice")).toContain("deletes no single tags");
    await page.tab.click("dialog input[value=image]");
    expect(await page.tab.text("dialog .danger")).toBe("Delete image and 3 tags");
    const doomed = await page.tab.value<string[]>(
      "[...document.querySelectorAll('.doomed li')].map((e) => e.textContent)",
    );
    expect(doomed.slice(1).sort()).toEqual(["tag team/app:1", "tag team/app:1.0", "tag team/app:latest"]);
    await page.tab.click("dialog .danger");
    await page.tab.until("document.querySelector('.count')?.textContent === '1 tag'");
    expect(await page.tab.text(".tags .c-tag a")).toBe("other");
    expect(deletes.at(-1)).toMatch(/^\/v2\/team\/app\/manifests\/sha256:[0-9a-f]{64}$/);
  });
});
