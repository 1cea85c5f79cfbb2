import { expect, test } from "bun:test";
import { createPublicKey, generateKeyPairSync, verify } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { answerAgent } from "./key-agent.ts";
import { type PrivateKey, readPrivateKey } from "./private-key.ts";
import { SshReader, sshString, sshUint32 } from "./ssh-wire.ts";

const DATA = new TextEncoder().encode("what is signed");

function signature(key: PrivateKey, flags: number): { name: string; bytes: Uint8Array } {
  const request = Buffer.concat([new Uint8Array([13]), sshString(key.blob), sshString(DATA), sshUint32(flags)]);
  const answer = new SshReader(answerAgent([key], request));
  expect(answer.byte()).toBe(14);
  const signed = new SshReader(answer.bytes());
  return { name: signed.text(), bytes: signed.bytes() };
}

test("keys in PEM sign what their public keys verify", () => {
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const key = readPrivateKey(rsa.privateKey.export({ type: "pkcs1", format: "pem" }).toString());
  for (const [flags, name, hash] of [
    [0, "ssh-rsa", "sha1"],
    [2, "rsa-sha2-256", "sha256"],
    [4, "rsa-sha2-512", "sha512"],
  ] as const) {
    const signed = signature(key, flags);
    expect(signed.name).toBe(name);
    expect(verify(hash, DATA, rsa.publicKey, signed.bytes)).toBe(true);
  }
  const ed = generateKeyPairSync("ed25519");
  const signed = signature(readPrivateKey(ed.privateKey.export({ type: "pkcs8", format: "pem" }).toString()), 0);
  expect([
    signed.name,
    verify(null, DATA, createPublicKey(ed.publicKey.export({ type: "spki", format: "pem" })), signed.bytes),
  ]).toEqual(["ssh-ed25519", true]);
});

const KEYGEN = "/usr/bin/ssh-keygen";
const keygenTest = test.skipIf(!existsSync(KEYGEN));
const why = existsSync(KEYGEN) ? "" : " (skipped: ssh-keygen is not installed)";

keygenTest(`keys of ssh-keygen have its public half, and sign by ssh-keygen's judgement${why}`, () => {
  const directory = mkdtempSync(`${tmpdir()}/gantry-keys-`);
  try {
    const keygen = (args: string[], stdin = "") => Bun.spawnSync([KEYGEN, ...args], { stdin: Buffer.from(stdin) });
    for (const [type, bits] of [
      ["ed25519", "256"],
      ["rsa", "2048"],
      ["ecdsa", "256"],
      ["ecdsa", "384"],
      ["ecdsa", "521"],
    ] as const) {
      const path = `${directory}/${type}${bits}`;
      expect(keygen(["-q", "-t", type, "-b", bits, "-N", "", "-C", "me@here", "-f", path]).exitCode).toBe(0);
      const key = readPrivateKey(readFileSync(path, "utf8"));
      const [name = "", blob = "", comment = ""] = readFileSync(`${path}.pub`, "utf8").trim().split(" ");
      expect([Buffer.from(key.blob).toString("base64"), key.comment]).toEqual([blob, comment]);
      // A signature file of OpenSSH's own, made by our agent's signature. @see OpenSSH PROTOCOL.sshsig
      const hash = new Bun.CryptoHasher("sha512").update(DATA).digest();
      const frame = (middle: Uint8Array) => Buffer.concat([Buffer.from("SSHSIG"), middle]);
      const head = Buffer.concat([sshString("file"), sshString(""), sshString("sha512")]);
      const signed = key.sign(frame(Buffer.concat([head, sshString(hash)])), 4);
      const file = frame(Buffer.concat([sshUint32(1), sshString(key.blob), head, sshString(signed)]));
      const armoured = `-----BEGIN SSH SIGNATURE-----\n${file.toString("base64").replace(/.{70}/g, "$&\n")}\n-----END SSH SIGNATURE-----\n`;
      writeFileSync(`${path}.sig`, armoured);
      writeFileSync(`${directory}/allowed`, `me ${name} ${blob}\n`);
      const check = keygen(
        ["-Y", "verify", "-f", `${directory}/allowed`, "-I", "me", "-n", "file", "-s", `${path}.sig`],
        "what is signed",
      );
      expect(`${type}${bits} ${check.exitCode} ${check.stderr.toString()}`).toBe(`${type}${bits} 0 `);
    }
    keygen(["-q", "-t", "ed25519", "-N", "secret", "-f", `${directory}/locked`]);
    expect(() => readPrivateKey(readFileSync(`${directory}/locked`, "utf8"))).toThrow("protected by a passphrase");
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

test("the agent lists its keys, and refuses all else", () => {
  const key: PrivateKey = { blob: new Uint8Array([1, 2]), comment: "c", sign: () => new Uint8Array(0) };
  const list = new SshReader(answerAgent([key], new Uint8Array([11])));
  expect([list.byte(), list.uint32(), [...list.bytes()], list.text()]).toEqual([12, 1, [1, 2], "c"]);
  const other = Buffer.concat([new Uint8Array([13]), sshString("other key"), sshString(DATA), sshUint32(0)]);
  for (const request of [new Uint8Array(0), new Uint8Array([17]), new Uint8Array([13, 255, 255, 255, 255]), other]) {
    expect([...answerAgent([key], request)]).toEqual([5]);
  }
});

test.each([
  ["", "no private key"],
  ["-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----", "no private key"],
  [
    `-----BEGIN OPENSSH PRIVATE KEY-----\n${Buffer.from("openssh-key-v1\0\0\0\0\u0004none").toString("base64")}\n-----END OPENSSH PRIVATE KEY-----`,
    "ends too early",
  ],
  ["-----BEGIN ENCRYPTED PRIVATE KEY-----\n", "protected by a passphrase"],
])("what is no key is refused: %#", (text, message) => {
  expect(() => readPrivateKey(text)).toThrow(message);
});
