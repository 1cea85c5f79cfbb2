import { createPrivateKey, type JsonWebKeyInput, type KeyObject, sign } from "node:crypto";
import { SshReader, sshNumber, sshString } from "./ssh-wire.ts";

/** A key that signs for an agent. */
export interface PrivateKey {
  /** The public key as SSH writes it. */
  blob: Uint8Array;
  comment: string;
  /** The signature with its name before it. `flags`: of the request, which hash RSA uses. */
  sign(data: Uint8Array, flags: number): Uint8Array;
}

type JsonWebKey = JsonWebKeyInput["key"];

const MAGIC = "openssh-key-v1\0";
/** By the names that JSON Web Keys have. */
const CURVES: Record<string, { name: string; hash: string }> = {
  "P-256": { name: "nistp256", hash: "sha256" },
  "P-384": { name: "nistp384", hash: "sha384" },
  "P-521": { name: "nistp521", hash: "sha512" },
};
/** @see draft-miller-ssh-agent section 4.5.1 */
const RSA_SHA2_256 = 2;
const RSA_SHA2_512 = 4;

/** A key file of OpenSSH's, or PEM. Throws Error with what is wrong with it; the key itself is in no message. */
export function readPrivateKey(text: string): PrivateKey {
  const armoured = /-----BEGIN OPENSSH PRIVATE KEY-----([\sA-Za-z0-9+/=]*)-----END OPENSSH PRIVATE KEY-----/.exec(text);
  if (armoured !== null) return readOpenSsh(Buffer.from(armoured[1] ?? "", "base64"));
  if (!text.includes("PRIVATE KEY-----")) throw new Error("it is no private key");
  if (/ENCRYPTED/.test(text)) throw new Error("it is protected by a passphrase");
  return fromJwk(createPrivateKey(text).export({ format: "jwk" }), "");
}

/** @see OpenSSH PROTOCOL.key */
function readOpenSsh(bytes: Uint8Array): PrivateKey {
  if (Buffer.from(bytes).toString("latin1", 0, MAGIC.length) !== MAGIC) throw new Error("it is no private key");
  const file = new SshReader(bytes.subarray(MAGIC.length));
  const cipher = file.text();
  file.text();
  file.bytes();
  if (cipher !== "none") throw new Error("it is protected by a passphrase");
  if (file.uint32() !== 1) throw new Error("it holds several keys");
  file.bytes();
  const secret = new SshReader(file.bytes());
  if (secret.uint32() !== secret.uint32()) throw new Error("it is damaged");
  const type = secret.text();
  const jwk = readSecret(secret, type);
  return fromJwk(jwk, secret.text());
}

function readSecret(secret: SshReader, type: string): JsonWebKey {
  if (type === "ssh-ed25519") {
    const x = secret.bytes();
    return { kty: "OKP", crv: "Ed25519", x: encoded(x), d: encoded(secret.bytes().subarray(0, 32)) };
  }
  if (type === "ssh-rsa") {
    const [n, e, d, qi, p, q] = Array.from({ length: 6 }, () => secret.number());
    if (
      n === undefined ||
      e === undefined ||
      d === undefined ||
      qi === undefined ||
      p === undefined ||
      q === undefined
    ) {
      throw new Error("it ends too early");
    }
    const part = (prime: Uint8Array) => encoded(bytesOf(numberOf(d) % (numberOf(prime) - 1n)));
    const numbers = { n: encoded(n), e: encoded(e), d: encoded(d), p: encoded(p), q: encoded(q), qi: encoded(qi) };
    return { kty: "RSA", ...numbers, dp: part(p), dq: part(q) };
  }
  const curve = Object.entries(CURVES).find(([, { name }]) => type === `ecdsa-sha2-${name}`);
  if (curve === undefined) throw new Error(`keys of type ${type} are not supported`);
  secret.text();
  const point = secret.bytes();
  const half = (point.byteLength - 1) / 2;
  const d = padded(secret.number(), half);
  const [x, y] = [point.subarray(1, 1 + half), point.subarray(1 + half)];
  return { kty: "EC", crv: curve[0], x: encoded(x), y: encoded(y), d: encoded(d) };
}

function fromJwk(jwk: JsonWebKey, comment: string): PrivateKey {
  const key = createPrivateKey({ key: jwk, format: "jwk" });
  if (jwk.kty === "OKP" && jwk.crv === "Ed25519") {
    const name = sshString("ssh-ed25519");
    return {
      blob: Buffer.concat([name, sshString(decoded(jwk.x))]),
      comment,
      sign: (data) => Buffer.concat([name, sshString(sign(null, data, key))]),
    };
  }
  if (jwk.kty === "RSA") {
    const blob = Buffer.concat([sshString("ssh-rsa"), sshNumber(decoded(jwk.e)), sshNumber(decoded(jwk.n))]);
    return { blob, comment, sign: (data, flags) => signRsa(key, data, flags) };
  }
  const curve = CURVES[jwk.crv ?? ""];
  if (jwk.kty !== "EC" || curve === undefined) throw new Error("keys of its type are not supported");
  const name = `ecdsa-sha2-${curve.name}`;
  const point = Buffer.concat([new Uint8Array([4]), decoded(jwk.x), decoded(jwk.y)]);
  return {
    blob: Buffer.concat([sshString(name), sshString(curve.name), sshString(point)]),
    comment,
    sign(data) {
      const pair = sign(curve.hash, data, { key, dsaEncoding: "ieee-p1363" });
      const half = pair.byteLength / 2;
      const numbers = Buffer.concat([sshNumber(pair.subarray(0, half)), sshNumber(pair.subarray(half))]);
      return Buffer.concat([sshString(name), sshString(numbers)]);
    },
  };
}

function signRsa(key: KeyObject, data: Uint8Array, flags: number): Uint8Array {
  const [name, hash] =
    (flags & RSA_SHA2_512) !== 0
      ? ["rsa-sha2-512", "sha512"]
      : (flags & RSA_SHA2_256) !== 0
        ? ["rsa-sha2-256", "sha256"]
        : ["ssh-rsa", "sha1"];
  return Buffer.concat([sshString(name), sshString(sign(hash, data, key))]);
}

function encoded(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64url");
}

function decoded(text: string | undefined): Uint8Array {
  return Buffer.from(text ?? "", "base64url");
}

function padded(bytes: Uint8Array, length: number): Uint8Array {
  return Buffer.concat([new Uint8Array(Math.max(0, length - bytes.byteLength)), bytes]);
}

function numberOf(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString("hex") || "0"}`);
}

function bytesOf(value: bigint): Uint8Array {
  const hex = value.toString(16);
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex");
}
