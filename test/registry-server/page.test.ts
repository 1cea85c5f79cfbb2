import { expect, test } from "bun:test";
import { until } from "../harness/until.ts";
import { chromiumInstalled, startChromium } from "../registry-page/chromium.ts";
import { must, pushImage } from "./push.ts";
import { startServer, temporaryDirectory } from "./server-process.ts";

const TIMEOUT_MS = 60_000;
const skipped = chromiumInstalled ? "" : " (chromium is not installed)";

test.skipIf(skipped !== "")(
  `a browser on our server: the page shows what was pushed, deletes a tag, and complains of nothing${skipped}`,
  async () => {
    using directory = temporaryDirectory();
    const server = await startServer(directory.path);
    const browser = await startChromium();
    try {
      const digest = await pushImage(server, "team/app", "v1");
      await pushImage(server, "team/app", "kept");
      const tab = await browser.open();
      await tab.look({ width: 1280, height: 800, dark: false });
      await tab.visit(`${server.url}/`);
      await tab.until("document.body.innerText.includes('team/app')");
      await tab.visit(`${server.url}/#/team/app:v1`);
      await tab.until(`document.body.innerText.includes('${digest.slice(7, 19)}')`);
      await tab.click(".danger-quiet");
      await tab.until("document.querySelector('dialog form')");
      await tab.click("dialog .danger");
      await until(
        "the tag is gone",
        async () => (await fetch(`${server.url}/v2/team/app/manifests/v1`)).status === 404,
      );
      expect((await must(server, `/v2/team/app/manifests/kept`)).headers.get("docker-content-digest")).toBe(digest);
      expect(tab.complaints()).toEqual([]);
    } finally {
      await browser.close();
      await server.stop();
    }
  },
  TIMEOUT_MS,
);
