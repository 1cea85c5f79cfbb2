import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Certificate {
  cert: string;
  key: string;
}

/** Somebody who signs certificates for a test. */
export interface Authority extends Disposable {
  /** PEM. */
  ca: string;
  /** For 127.0.0.1 and localhost; `commonName` says who it is. */
  issue(commonName: string): Certificate;
}

const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

/** Needs openssl. */
export function makeAuthority(): Authority {
  const directory = mkdtempSync(join(tmpdir(), "gantry-authority-"));
  const file = (name: string) => join(directory, name);
  const openssl = (...words: string[]) => {
    const { exitCode, stderr } = Bun.spawnSync(["openssl", ...words], { cwd: directory });
    if (exitCode !== 0) throw new Error(`openssl ${words.join(" ")}: ${stderr.toString()}`);
  };
  openssl(
    "req",
    "-x509",
    ...NEW_KEY,
    "-subj",
    "/CN=test authority",
    "-days",
    "2",
    "-keyout",
    "ca.key",
    "-out",
    "ca.crt",
  );
  writeFileSync(file("names"), "subjectAltName=IP:127.0.0.1,DNS:localhost\n");
  return {
    ca: readFileSync(file("ca.crt"), "utf8"),
    issue(commonName) {
      openssl("req", ...NEW_KEY, "-subj", `/CN=${commonName}`, "-keyout", "one.key", "-out", "one.csr");
      const signer = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial"];
      openssl("x509", "-req", "-in", "one.csr", ...signer, "-days", "2", "-extfile", "names", "-out", "one.crt");
      return { cert: readFileSync(file("one.crt"), "utf8"), key: readFileSync(file("one.key"), "utf8") };
    },
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  };
}
