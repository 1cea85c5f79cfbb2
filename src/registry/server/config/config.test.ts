import { expect, test } from "bun:test";
import { parseListen, resolveConfig, type Settings } from "./config.ts";
import { settingsFromEnvironment } from "./sources.ts";

const root = { root: ["/r"] };

test("defaults: loopback, deletes allowed, no log-in, no cache", () => {
  const config = resolveConfig(root);
  expect(config.listen).toEqual({ host: "127.0.0.1", port: 5000 });
  expect([config.deletes, config.readOnly, config.htpasswd, config.token, config.proxy, config.tls]).toEqual([
    true,
    false,
    "",
    undefined,
    undefined,
    undefined,
  ]);
  expect(config.gc).toEqual({
    intervalMs: 3_600_000,
    graceMs: 86_400_000,
    uploadExpiryMs: 86_400_000,
    deleteUntagged: false,
  });
});

test("the first source that names a setting decides; variables of Docker's registry image are understood", () => {
  const environment = settingsFromEnvironment({
    REGISTRY_HTTP_ADDR: ":5001",
    REGISTRY_STORAGE_DELETE_ENABLED: "false",
    REGISTRY_AUTH_HTPASSWD_PATH: "/auth/htpasswd",
    REGISTRY_PROXY_REMOTEURL: "",
    PATH: "/bin",
  });
  const config = resolveConfig({ listen: ["[::1]:5002"] }, environment, {
    ...root,
    listen: [":5003"],
    delete: ["true"],
  });
  expect([config.listen, config.deletes, config.htpasswd, config.proxy]).toEqual([
    { host: "::1", port: 5002 },
    false,
    "/auth/htpasswd",
    undefined,
  ]);
});

test.each<[Settings, string]>([
  [{}, "root: say which directory"],
  [{ ...root, listen: ["5000"] }, 'listen: "5000" is not HOST:PORT'],
  [{ ...root, listen: [":70000"] }, "is not HOST:PORT"],
  [{ ...root, delete: ["maybe"] }, 'delete: "maybe" is neither true nor false'],
  [{ ...root, "max-uploads": ["0"] }, 'max-uploads: "0" is not a number from 1'],
  [{ ...root, "gc-grace": ["5"] }, 'gc-grace: "5" is not a time'],
  [{ ...root, "gc-grace": ["1h x"] }, "is not a time"],
  [{ ...root, "stall-timeout": ["1h"] }, "stall-timeout: 1h is not between 1s and 250s"],
  [{ ...root, "log-level": ["loud"] }, "log-level"],
  [{ ...root, nonsense: ["1"] }, "nonsense: no such setting"],
  [{ ...root, "tls-certificate": ["c"] }, "tls-certificate and tls-key belong together"],
  [{ ...root, "token-realm": ["https://x"] }, "needs token-service, token-issuer and token-keys"],
  [{ ...root, "anonymous-pull": ["true"] }, "anonymous-pull: needs --htpasswd"],
  [{ ...root, proxy: ["ftp://x"] }, "proxy: ftp://x is no http(s) URL"],
  [{ ...root, proxy: ["http://x"], "read-only": ["1"] }, "a cache cannot be read-only"],
])("%p is refused", (settings, message) => {
  expect(() => resolveConfig(settings)).toThrow(message);
});

test("times may have several parts", () => {
  expect(resolveConfig({ ...root, "gc-grace": ["1h30m"] }).gc.graceMs).toBe(5_400_000);
});

test("an address without a host is every address", () => {
  expect(parseListen(":5000", "listen")).toEqual({ host: "0.0.0.0", port: 5000 });
});
