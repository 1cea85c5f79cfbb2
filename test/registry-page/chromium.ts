import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../harness/until.ts";
import { createTab, type Tab } from "./tab.ts";

const CHROMIUM = "/usr/bin/chromium";
const START_TIMEOUT_MS = 30_000;
const REPLY_TIMEOUT_MS = 20_000;

export const chromiumInstalled = existsSync(CHROMIUM);

export type Parameters = Record<string, unknown>;

/** Sends one command of the DevTools protocol to a session and returns its result. Throws with the browser's complaint. */
export type Send = (method: string, parameters?: Parameters) => Promise<Parameters>;

export interface Browser {
  /** A tab of its own profile: nothing is shared with the ones before it. */
  open(): Promise<Tab>;
  close(): Promise<void>;
}

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-dev-shm-usage",
  "--remote-debugging-port=0",
];

/** Starts Debian's Chromium without a window. Driven over the DevTools protocol itself: a driver would be a large package. */
export async function startChromium(): Promise<Browser> {
  const profile = mkdtempSync(join(tmpdir(), "registry-page-"));
  const child = Bun.spawn([CHROMIUM, ...FLAGS, `--user-data-dir=${profile}`, "about:blank"], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
    env: { ...process.env, HOME: profile, XDG_CONFIG_HOME: profile, XDG_CACHE_HOME: profile },
  });
  const close = async () => {
    child.kill("SIGTERM");
    await child.exited;
    // Its helpers may still write for a moment.
    await until("the profile is removed", () => {
      rmSync(profile, { recursive: true, force: true });
      return !existsSync(profile);
    });
  };
  try {
    const [port, path] = await until(
      "chromium listens",
      async () => {
        const lines = (await Bun.file(join(profile, "DevToolsActivePort")).text()).split("\n");
        return lines.length >= 2 && lines;
      },
      { timeoutMs: START_TIMEOUT_MS },
    );
    const connection = await connect(`ws://127.0.0.1:${port}${path}`);
    return {
      open: async () => {
        const { browserContextId } = await connection.send("Target.createBrowserContext");
        const { targetId } = await connection.send("Target.createTarget", { url: "about:blank", browserContextId });
        const { sessionId } = await connection.send("Target.attachToTarget", { targetId, flatten: true });
        const session = connection.session(String(sessionId));
        return createTab({
          ...session,
          close: () => connection.send("Target.disposeBrowserContext", { browserContextId }),
          grant: (permissions, origin) =>
            connection.send("Browser.grantPermissions", { permissions, origin, browserContextId }),
        });
      },
      close: async () => {
        connection.close();
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

export interface Session {
  send: Send;
  on: (listener: (method: string, parameters: Parameters) => void) => void;
  close: () => Promise<unknown>;
  grant: (permissions: string[], origin: string) => Promise<unknown>;
}

async function connect(address: string) {
  const socket = new WebSocket(address);
  const waiting = new Map<number, { resolve: (result: Parameters) => void; reject: (error: Error) => void }>();
  const listeners = new Map<string, (method: string, parameters: Parameters) => void>();
  let last = 0;
  await new Promise<void>((resolve, reject) => {
    socket.onopen = () => resolve();
    socket.onerror = () => reject(new Error(`no connection to ${address}`));
  });
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(String(data)) as {
      id?: number;
      sessionId?: string;
      method?: string;
      params?: Parameters;
      result?: Parameters;
      error?: { message: string };
    };
    if (message.id === undefined) {
      listeners.get(message.sessionId ?? "")?.(message.method ?? "", message.params ?? {});
      return;
    }
    const caller = waiting.get(message.id);
    waiting.delete(message.id);
    if (message.error === undefined) caller?.resolve(message.result ?? {});
    else caller?.reject(new Error(message.error.message));
  };
  const sendTo =
    (sessionId?: string): Send =>
    (method, params = {}) =>
      new Promise((resolve, reject) => {
        const id = ++last;
        const timer = setTimeout(() => reject(new Error(`${method}: no reply`)), REPLY_TIMEOUT_MS);
        const done = () => clearTimeout(timer);
        waiting.set(id, {
          resolve: (result) => (done(), resolve(result)),
          reject: (error) => (done(), reject(error)),
        });
        socket.send(JSON.stringify({ id, method, params, ...(sessionId === undefined ? {} : { sessionId }) }));
      });
  return {
    send: sendTo(),
    session: (id: string) => ({
      send: sendTo(id),
      on: (listener: (method: string, parameters: Parameters) => void) => listeners.set(id, listener),
    }),
    close: () => socket.close(),
  };
}
