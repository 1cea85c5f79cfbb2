import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { busyboxImage } from "../fixtures/busybox-image.ts";
import { runProgram } from "../harness/run-program.ts";
import { INDEX_TYPE, pushImage, pushIndex, pushSbom } from "./content.ts";
import { skipped, usePage } from "./use-page.ts";

const skopeo = existsSync("/usr/bin/skopeo");
const HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>";
let digest = "";

async function fill(url: string): Promise<void> {
  const history = [
    { created_by: "/bin/sh -c #(nop) ADD file:1 in / " },
    { created_by: "ENV A=1", empty_layer: true },
    { created_by: `RUN /bin/sh -c echo ${HOSTILE} # buildkit` },
  ];
  const config = { Entrypoint: ["/app"], User: "nobody", ExposedPorts: { "80/tcp": {} }, Labels: { hostile: HOSTILE } };
  const annotations = { [HOSTILE]: HOSTILE };
  const image = await pushImage(url, "team/app", { layers: [300_000, 100_000], config, history, annotations }, "1.0");
  digest = image.digest;
  await pushImage(url, "team/app", { layers: [1000] }, "0.9");
  await pushSbom(url, "team/app", image);
  await pushIndex(url, "team/app", "multi");
  await pushIndex(url, "torn", "1");
  const index = await fetch(`${url}/v2/torn/manifests/1`, { headers: { Accept: INDEX_TYPE } });
  const { manifests } = (await index.json()) as { manifests: { digest: string }[] };
  await fetch(`${url}/v2/torn/manifests/${manifests[0]?.digest}`, { method: "DELETE" });
  for (let minor = 0; minor < 12; minor++) await pushImage(url, "many", { layers: [10] }, `1.${minor}`);
}

describe.skipIf(skipped !== "")(`a repository and its images${skipped}`, () => {
  const page = usePage({ config: { delete: false, readOnly: false, version: "", proxyOf: null }, fill });
  const all = (selector: string) =>
    page.tab.value<string[]>(`[...document.querySelectorAll(${JSON.stringify(selector)})].map((e) => e.textContent)`);
  const settled = () => page.tab.until("!document.querySelector('main [aria-busy]')");

  test("a row says kind, platforms, size, age and digest; tags of referrers are folded away", async () => {
    await page.tab.visit(`${page.url}/#/team/app`);
    await page.tab.until(
      "document.querySelector('td.c-digest code') && !document.querySelector('.tags:first-child [aria-busy]')",
    );
    const cells = (row: number) => all(`.tags:first-child tbody tr:nth-child(${row}) td`);
    expect((await all(".tags:first-child tbody .c-tag")).sort()).toEqual(["0.9", "1.0", "multi"]);
    const [tag, kind, platforms, size] = await cells(1);
    expect([tag, kind, platforms]).toEqual(["multi", "Multi-platform", "linux/amd64linux/arm64/v8"]);
    expect(size).toBe("300 kB – 400 kB");
    const one = await cells(2);
    expect([one[0], one[1], one[2], one[5]]).toEqual(["1.0", "Image", "linux/amd64", digest.slice(7, 19)]);
    expect(one[3]).toMatch(/^40\d kB$/);
    expect(await page.tab.text(".helpers summary")).toBe("1 tag with signatures or other referrers");
    expect(await page.tab.text(".count")).toBe("3 tags");
  });

  test("an image shows its layers as a picture and in words, its settings, and how to pull it", async () => {
    await page.tab.visit(`${page.url}/#/team/app:1.0`);
    await settled();
    expect(await page.tab.value<string>("document.title")).toStartWith("team/app:1.0 · 127.0.0.1");
    const widths = await page.tab.value<number[]>(
      "[...document.querySelectorAll('.bar rect')].map((e) => e.getBoundingClientRect().width)",
    );
    expect((widths[0] ?? 0) / (widths[1] ?? 1)).toBeCloseTo(3, 1);
    expect(await all(".layers .size")).toEqual(["300 kB", "–", "100 kB"]);
    expect((await all(".layers b")).slice(0, 3)).toEqual(["ADD", "ENV", "RUN"]);
    expect((await all(".settings dt")).slice(0, 4)).toEqual(["Entrypoint", "User", "Ports", "Labels"]);
    const host = page.url.slice("http://".length);
    expect((await all(".command code"))[0]).toBe(`docker pull ${host}/team/app:1.0`);
    expect((await all(".command code"))[2]).toBe(`docker pull ${host}/team/app@${digest}`);
  });

  test("what an image says of itself stays text", async () => {
    await page.tab.visit(`${page.url}/#/team/app:1.0`);
    await settled();
    expect(await all(".settings dd")).toContain(`hostile=${HOSTILE}`);
    expect(await all(".wide dt")).toEqual([HOSTILE]);
    expect((await all(".step")).at(-1)).toBe(`RUN echo ${HOSTILE}`);
    expect(await page.tab.value<number>("document.querySelectorAll('main img, main script').length")).toBe(0);
    expect(await page.tab.value<string>("document.title")).not.toContain("owned");
  });

  test("referrers are found and lead to their own page", async () => {
    await page.tab.visit(`${page.url}/#/team/app:1.0`);
    expect(await page.tab.text(".referrers .pill")).toBe("SBOM");
    await page.tab.click(".referrers a");
    await page.tab.until("document.querySelector('.facts .pill')?.textContent === 'SBOM'");
    await settled();
    expect((await all(".step b"))[0]).toBe("sbom.spdx.json");
    expect((await all(".command code"))[0]).toStartWith("oras pull ");
  });

  test("each platform of an index has an address of its own", async () => {
    await page.tab.visit(`${page.url}/#/team/app:multi`);
    await settled();
    expect(await all(".switch a")).toEqual(["linux/amd64", "linux/arm64/v8"]);
    expect(await page.tab.text(".switch [aria-current]")).toBe("linux/amd64");
    expect(await all(".settings dd")).toEqual(['["/on-amd64"]']);
    await page.tab.click(".switch li:nth-child(2) a");
    await page.tab.until("document.querySelector('.settings dd')?.textContent.includes('arm64')");
    expect(await all(".layers .size")).toEqual(["300 kB"]);
    expect((await all(".command code"))[1]).toContain("gantry pull --platform linux/arm64/v8 ");
    await page.tab.visit(`${page.url}/${await page.tab.value<string>("location.hash")}`);
    expect(await page.tab.text(".switch [aria-current]")).toBe("linux/arm64/v8");
    await page.tab.value("location.hash = '#/team/app'");
    await page.tab.until("document.querySelector('h1').textContent === 'team/app'");
    await page.tab.value("history.back()");
    await page.tab.until("document.querySelector('.switch [aria-current]')?.textContent === 'linux/arm64/v8'");
  });

  test("an index that lost an image shows the others, and says what is missing", async () => {
    page.expected.push(/status of 404 .*\/v2\/torn\/manifests\/sha256:/);
    await page.tab.visit(`${page.url}/#/torn:1`);
    expect(await page.tab.text(".switch .notice")).toContain("does not hold the image for that platform");
    await page.tab.click(".switch li:nth-child(2) a");
    await page.tab.until("document.querySelector('.settings dd')?.textContent.includes('arm64')");
    await page.tab.visit(`${page.url}/#/torn`);
    await page.tab.until("document.querySelector('td.c-size')?.textContent.startsWith('300 kB')");
  });

  test("many tags are filtered as one types, newest first", async () => {
    await page.tab.visit(`${page.url}/#/many`);
    await page.tab.until("document.querySelectorAll('tbody tr').length === 12");
    expect((await all("tbody .c-tag")).slice(0, 3)).toEqual(["1.11", "1.10", "1.9"]);
    await page.tab.press("/");
    await page.tab.type("1.1");
    expect(await all("tbody tr:not([hidden]) .c-tag")).toEqual(["1.11", "1.10", "1.1"]);
  });

  test("the manifest is shown as it is stored, and copied byte for byte", async () => {
    await page.tab.grant(["clipboardReadWrite", "clipboardSanitizedWrite"], page.url);
    await page.tab.visit(`${page.url}/#/team/app:1.0`);
    await page.tab.click(".raw summary");
    expect(await page.tab.text(".raw pre")).toContain('"schemaVersion": 2');
    await page.tab.click(".raw-body button");
    await page.tab.until("document.querySelector('.raw-body .done')");
    const copied = await page.tab.value<string>("navigator.clipboard.readText()");
    expect(`sha256:${new Bun.CryptoHasher("sha256").update(copied).digest("hex")}`).toBe(digest);
    await page.tab.click(".facts .digest button");
    await page.tab.until("document.querySelector('.facts .done')");
    expect(await page.tab.value<string>("navigator.clipboard.readText()")).toBe(digest);
    expect(await page.tab.text("#status")).toBe("Copied");
  });

  test("nothing can be deleted where the registry does not allow it", async () => {
    await page.tab.visit(`${page.url}/#/team/app:1.0`);
    await settled();
    expect((await all("button")).filter((label) => /delete/i.test(label))).toEqual([]);
  });

  test.skipIf(!skopeo)(
    `an image that skopeo pushed is shown${skopeo ? "" : " (skipped: skopeo is not installed)"}`,
    async () => {
      const target = `docker://${page.url.slice("http://".length)}/library/busybox:latest`;
      const source = `docker-archive:${await busyboxImage()}`;
      const pushed = await runProgram([
        "skopeo",
        "copy",
        "--dest-tls-verify=false",
        "--insecure-policy",
        source,
        target,
      ]);
      expect(pushed).toMatchObject({ code: 0 });
      await page.tab.visit(`${page.url}/#/library/busybox:latest`);
      await settled();
      expect(await all(".settings dd")).toContain('["sh"]');
      expect(await page.tab.text(".facts .pill")).toBe("Image");
    },
  );
});
