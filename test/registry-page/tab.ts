import { until } from "../harness/until.ts";
import type { Parameters, Session } from "./chromium.ts";

export interface Look {
  width: number;
  height: number;
  dark: boolean;
}

export interface Tab {
  /** Goes to an address and waits until the page has drawn its first view. */
  visit(address: string): Promise<void>;
  /** The value of an expression in the page; promises are awaited. Throws what it throws. */
  value<T>(expression: string): Promise<T>;
  /** The text that a reader sees in the first element of the selector; waits for the element, and for text in it. */
  text(selector: string): Promise<string>;
  /** Waits until the expression holds in the page. */
  until(expression: string): Promise<void>;
  click(selector: string): Promise<void>;
  /** Presses keys, one after the other: single characters, or names as `Enter`, `Tab`, `ArrowDown`. */
  press(...keys: string[]): Promise<void>;
  type(text: string): Promise<void>;
  /** Width and height in CSS pixels, and the colour scheme. */
  look(look: Look): Promise<void>;
  screenshot(path: string): Promise<void>;
  /** Grants what a user would be asked for. */
  grant(permissions: string[], origin: string): Promise<void>;
  /** Everything that a developer would see as red: errors, uncaught exceptions, violations of the policy. */
  complaints(): string[];
  /** Bytes of all bodies that the page loaded since `visit`, by path. */
  loaded(): Promise<Record<string, number>>;
  close(): Promise<void>;
}

const CODES: Record<string, { code: number; text?: string }> = {
  Enter: { code: 13, text: "\r" },
  Tab: { code: 9 },
  Escape: { code: 27 },
  ArrowUp: { code: 38 },
  ArrowDown: { code: 40 },
};

export async function createTab(session: Session): Promise<Tab> {
  const { send } = session;
  const complaints: string[] = [];
  session.on((method, parameters) => {
    const complaint = complaintOf(method, parameters);
    if (complaint !== undefined) complaints.push(complaint);
  });
  for (const domain of ["Page", "Runtime", "Log", "Network"]) await send(`${domain}.enable`);
  await send("Emulation.setFocusEmulationEnabled", { enabled: true });

  async function value<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = (await send("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
    })) as { result: { value: T }; exceptionDetails?: { exception?: { description?: string } } };
    if (exceptionDetails !== undefined) throw new Error(exceptionDetails.exception?.description ?? expression);
    return result.value;
  }
  const waitFor = async (expression: string) => {
    await until(expression, () => value<boolean>(`Boolean(${expression})`));
  };
  const find = (selector: string) => `document.querySelector(${JSON.stringify(selector)})`;
  const press = async (key: string) => {
    // Only letters and digits have their own code: that of a full stop is the Delete key's.
    const code = /[a-z0-9]/i.test(key) ? key.toUpperCase().charCodeAt(0) : 0;
    const known = CODES[key] ?? { code, text: key };
    const event = { key, windowsVirtualKeyCode: known.code, ...(known.text === undefined ? {} : { text: known.text }) };
    await send("Input.dispatchKeyEvent", { type: "keyDown", ...event });
    await send("Input.dispatchKeyEvent", { type: "keyUp", key, windowsVirtualKeyCode: known.code });
  };

  return {
    value,
    until: waitFor,
    visit: async (address) => {
      // A document of its own each time, also where only the part after the # differs.
      await send("Page.navigate", { url: "about:blank" });
      await send("Page.navigate", { url: address });
      await waitFor("document.querySelector('main h1')");
    },
    text: async (selector) => {
      // An element is there before its styles are, and has no text to see then.
      await waitFor(`${find(selector)}?.innerText`);
      return value<string>(`${find(selector)}.innerText`);
    },
    click: async (selector) => {
      await waitFor(find(selector));
      const box = await value<{ x: number; y: number }>(
        `(() => { const e = ${find(selector)}; e.scrollIntoView({ block: "center" }); const r = e.getBoundingClientRect();
          return { x: r.x + r.width / 2, y: r.y + r.height / 2 }; })()`,
      );
      for (const type of ["mousePressed", "mouseReleased"]) {
        await send("Input.dispatchMouseEvent", { type, ...box, button: "left", clickCount: 1 });
      }
    },
    press: async (...keys) => {
      for (const key of keys) await press(key);
    },
    type: async (text) => {
      for (const character of text) await press(character);
    },
    look: async ({ width, height, dark }) => {
      await send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: width < 600 });
      const features = [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }];
      await send("Emulation.setEmulatedMedia", { features });
    },
    screenshot: async (path) => {
      const { data } = await send("Page.captureScreenshot", { format: "png", captureBeyondViewport: true });
      await Bun.write(path, Buffer.from(String(data), "base64"));
    },
    grant: async (permissions, origin) => {
      await session.grant(permissions, origin);
    },
    complaints: () => [...complaints],
    loaded: () =>
      value(
        `Object.fromEntries([...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
          .map((entry) => [new URL(entry.name).pathname, entry.decodedBodySize]))`,
      ),
    close: async () => {
      await session.close();
    },
  };
}

function complaintOf(method: string, parameters: Parameters): string | undefined {
  if (method === "Log.entryAdded") {
    const entry = parameters.entry as { level: string; text: string; url?: string };
    return entry.level === "error" ? `${entry.text} ${entry.url ?? ""}` : undefined;
  }
  if (method === "Runtime.exceptionThrown") {
    const details = parameters.exceptionDetails as { text: string; exception?: { description?: string } };
    return `${details.text} ${details.exception?.description ?? ""}`;
  }
  if (method !== "Runtime.consoleAPICalled" || parameters.type !== "error") return undefined;
  return `console.error ${JSON.stringify(parameters.args)}`;
}
