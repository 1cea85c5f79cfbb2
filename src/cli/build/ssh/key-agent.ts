import type { MessageStream } from "../../../wire/build-channel.ts";
import type { PrivateKey } from "./private-key.ts";
import { SshReader, sshString, sshUint32 } from "./ssh-wire.ts";

/** @see draft-miller-ssh-agent section 5.1 */
const FAILURE = 5;
const REQUEST_IDENTITIES = 11;
const IDENTITIES_ANSWER = 12;
const SIGN_REQUEST = 13;
const SIGN_RESPONSE = 14;
/** OpenSSH's own limit of a message. */
const MAX_MESSAGE_BYTES = 256 * 1024;

/** What an agent with these keys answers: it lists them and signs, nothing else. Never throws. Pure. */
export function answerAgent(keys: readonly PrivateKey[], request: Uint8Array): Uint8Array {
  try {
    const reader = new SshReader(request);
    const type = reader.byte();
    if (type === REQUEST_IDENTITIES) {
      const all = keys.map(({ blob, comment }) => Buffer.concat([sshString(blob), sshString(comment)]));
      return Buffer.concat([new Uint8Array([IDENTITIES_ANSWER]), sshUint32(keys.length), ...all]);
    }
    if (type === SIGN_REQUEST) {
      const [blob, data, flags] = [reader.bytes(), reader.bytes(), reader.uint32()];
      const key = keys.find((one) => Buffer.compare(one.blob, blob) === 0);
      if (key !== undefined) return Buffer.concat([new Uint8Array([SIGN_RESPONSE]), sshString(key.sign(data, flags))]);
    }
  } catch {
    // A request that is none is refused as one that cannot be fulfilled.
  }
  return new Uint8Array([FAILURE]);
}

/** Answers one connection to its end. Throws for a message that is too long. */
export async function serveKeys(keys: readonly PrivateKey[], stream: MessageStream): Promise<void> {
  let pending: Uint8Array = new Uint8Array(0);
  for await (const bytes of stream) {
    pending = pending.byteLength === 0 ? bytes : Buffer.concat([pending, bytes]);
    while (pending.byteLength >= 4) {
      const length = new SshReader(pending).uint32();
      if (length > MAX_MESSAGE_BYTES) throw new Error("a message to the ssh agent is too long");
      if (pending.byteLength < 4 + length) break;
      await stream.sendAll(sshString(answerAgent(keys, pending.subarray(4, 4 + length))));
      pending = pending.subarray(4 + length);
    }
  }
}
