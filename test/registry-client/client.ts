import { messageOf } from "../../src/base/errors.ts";
import type { Credentials } from "../../src/registry/client/credentials.ts";
import type { HostsConfig } from "../../src/registry/client/hosts.ts";
import { type Access, createRegistryClient, type RegistryClient } from "../../src/registry/client/registry-client.ts";
import { TIMEOUTS, type Timeouts } from "../../src/registry/client/timeouts.ts";

export const NEVER = new AbortController().signal;
export const NOBODY: Credentials = { username: "", password: "", identityToken: "", registryToken: "" };
export const ANONYMOUS: Access = { credentials: undefined, actions: "pull" };

/** A clock that only moves when a test moves it; a sleep moves it, too. */
export interface FakeClock {
  ms: number;
  slept: number[];
  monotonicMs(): number;
  now(): Date;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export function fakeClock(): FakeClock {
  return {
    ms: 0,
    slept: [],
    monotonicMs() {
      return this.ms;
    },
    now() {
      return new Date(Date.UTC(2030, 0, 1) + this.ms);
    },
    async sleep(ms, signal) {
      signal?.throwIfAborted();
      this.slept.push(ms);
      this.ms += ms;
    },
  };
}

export function clientOf(
  options: { config?: Partial<HostsConfig>; timeouts?: Partial<Timeouts>; clock?: FakeClock } = {},
): RegistryClient {
  return createRegistryClient({
    config: { registryMirrors: [], insecureRegistries: [], certsDirs: [], ...options.config },
    clock: options.clock ?? fakeClock(),
    userAgent: "test/1",
    timeouts: { ...TIMEOUTS, ...options.timeouts },
  });
}

/** Class and words of a failure. */
export async function failureOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "it worked";
  } catch (error) {
    return `${(error as { kind?: string }).kind ?? "bug"}: ${messageOf(error)}`;
  }
}

export async function bytesOf(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of body) parts.push(part);
  return Buffer.concat(parts);
}
