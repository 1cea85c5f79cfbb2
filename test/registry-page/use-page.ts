import { afterAll, afterEach, beforeAll, beforeEach, expect } from "bun:test";
import { type Browser, chromiumInstalled, startChromium } from "./chromium.ts";
import {
  type RegistryForPage,
  type RegistryOptions,
  registryInstalled,
  startRegistryForPage,
} from "./registry-for-page.ts";
import type { Tab } from "./tab.ts";

/** Why these tests cannot run here; empty where they can. */
export const skipped = !chromiumInstalled
  ? " (skipped: chromium is not installed)"
  : !registryInstalled
    ? " (skipped: docker-registry is not installed)"
    : "";

export interface PageWorld {
  url: string;
  tab: Tab;
  /** Complaints of the browser that the running test expects. */
  expected: RegExp[];
}

export interface WorldOptions extends RegistryOptions {
  /** Pushes what the tests look at, once. */
  fill?: (url: string) => Promise<void>;
}

export const ALLOWED = { delete: true, readOnly: false, version: "0.1.0", proxyOf: null };

/** A browser reports an answer of 404 as an error: these are questions that a registry may answer so. */
const MISSING_REFERRERS = /status of 404 .*\/v2\/.*\/(referrers\/sha256:|manifests\/sha256-)/;

/**
 * One registry and one browser for the tests of a file, a fresh tab for each. Every test fails on an uncaught exception, a violation
 * of the page's policy or an error in the console that it did not expect.
 */
export function usePage(options: WorldOptions = {}): PageWorld {
  const world = { url: "", expected: [] as RegExp[] } as PageWorld;
  if (skipped !== "") return world;
  let registry: RegistryForPage;
  let browser: Browser;
  beforeAll(async () => {
    registry = await startRegistryForPage(options);
    world.url = registry.url;
    await options.fill?.(registry.url);
    browser = await startChromium();
  });
  beforeEach(async () => {
    world.tab = await browser.open();
    world.expected = [];
    await world.tab.look({ width: 1280, height: 800, dark: false });
  });
  afterEach(async () => {
    const complaints = world.tab.complaints();
    await world.tab.close();
    const allowed = [MISSING_REFERRERS, ...world.expected];
    expect(complaints.filter((complaint) => !allowed.some((pattern) => pattern.test(complaint)))).toEqual([]);
  });
  afterAll(async () => {
    await browser?.close();
    await registry?.close();
  });
  return world;
}
