import { EngineError, type ErrorKind } from "../../base/errors.ts";
import { isObject } from "../../formats/oci/json.ts";

/** A registry's refusal. `code`: of the distribution spec, "" where the body was not of its form. */
export class RegistryError extends EngineError {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message: string) {
    super(kindOf(status), message);
    this.status = status;
    this.code = code;
  }

  /** Not of this request: asked again, it may have an answer. */
  get isFaultOfServer(): boolean {
    return this.status >= 500 && this.status !== 501;
  }
}

/** Bytes of an error's body that are read. */
export const MAX_ERROR_BYTES = 64 * 1024;
const MAX_MESSAGE_CHARACTERS = 1000;

function kindOf(status: number): ErrorKind {
  switch (status) {
    case 401:
      return "unauthorized";
    case 403:
      return "forbidden";
    case 404:
      return "not-found";
    default:
      return status >= 500 || status === 429 || status === 408 ? "unavailable" : "invalid-argument";
  }
}

/** What stood in an error answer: the first error of the list, in the words in which Docker repeats it. Pure. */
export function parseRegistryError(status: number, body: string): RegistryError {
  const first = firstError(body);
  if (first === undefined) {
    const text = printable(body).trim();
    const shown = text === "" ? "" : `: ${text.slice(0, MAX_MESSAGE_CHARACTERS)}`;
    return new RegistryError(status, "", `received unexpected HTTP status: ${status}${shown}`);
  }
  const { code, message } = first;
  const words = code.toLowerCase().replaceAll("_", " ");
  return new RegistryError(status, code, message === "" ? words : `${words}: ${message}`);
}

function firstError(body: string): { code: string; message: string } | undefined {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return undefined;
  }
  if (!isObject(value)) return undefined;
  const [first] = Array.isArray(value.errors) ? (value.errors as unknown[]) : [];
  const error = isObject(first) ? first : value;
  const code = typeof error.code === "string" ? error.code : "";
  const text = [error.message, error.details, error.detail].find(
    (one): one is string => typeof one === "string" && one !== "",
  );
  if (code === "" && text === undefined) return undefined;
  return {
    code: printable(code) || "unknown",
    message: printable(text ?? "").slice(0, MAX_MESSAGE_CHARACTERS),
  };
}

/** A registry's text ends up on terminals. */
function printable(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, " ");
}
