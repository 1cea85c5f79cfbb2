import type { IncomingMessage } from "node:http";
import { invalid } from "../base/errors.ts";
import { parseJson } from "./json.ts";

/** Bytes of a JSON body: a seccomp profile and many mounts fit a hundred times over. */
const MAX_JSON_BYTES = 4 * 1024 * 1024;
/** Time in which a JSON body must be there; archives have none. */
const JSON_BODY_MS = 60_000;

/** The body as JSON; undefined where it is empty. Throws invalid-argument by Docker's rules. */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const bytes = await readAll(request);
  if (bytes.byteLength === 0) return undefined;
  requireJson(request.headers["content-type"]);
  return parseJson(decodeText(bytes));
}

/** @see spec "Errors": a body must be `application/json`; Docker compares the media type without its parameters. */
function requireJson(contentType: string | undefined): void {
  const [type = ""] = (contentType ?? "").split(";");
  if (type.trim().toLowerCase() === "application/json") return;
  throw invalid(`unsupported Content-Type header (${contentType ?? ""}): must be 'application/json'`);
}

function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw invalid("invalid JSON: not UTF-8", { cause: error });
  }
}

function readAll(request: IncomingMessage): Promise<Uint8Array> {
  const declared = Number(request.headers["content-length"] ?? 0);
  if (declared > MAX_JSON_BYTES) return Promise.reject(tooLarge());
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let size = 0;
    const timer = setTimeout(() => fail(invalid("the request's body did not arrive in time")), JSON_BODY_MS);
    const done = () => {
      clearTimeout(timer);
      request.off("data", onData).off("end", onEnd).off("error", fail).off("close", onClose);
    };
    const fail = (error: Error) => {
      done();
      request.pause();
      reject(error);
    };
    const onData = (chunk: Uint8Array) => {
      size += chunk.byteLength;
      if (size > MAX_JSON_BYTES) fail(tooLarge());
      else chunks.push(chunk);
    };
    const onEnd = () => {
      done();
      resolve(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks));
    };
    const onClose = () => fail(invalid("the request's body was cut off"));
    request.on("data", onData).on("end", onEnd).on("error", fail).on("close", onClose);
  });
}

function tooLarge(): Error {
  return invalid(`the request's body is larger than ${MAX_JSON_BYTES} bytes`);
}
