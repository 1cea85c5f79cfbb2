import { EngineError, isKind } from "../../base/errors.ts";
import { familiarName, familiarReference, type Reference } from "../../formats/reference/reference.ts";
import { RegistryError } from "../../registry/client/registry-error.ts";

/** Docker's words for what a registry refused while a name was resolved; clients match them. @see moby distribution/errors.go */
export function pullError(error: unknown, reference: Reference): unknown {
  if (!(error instanceof RegistryError)) return error;
  const name = familiarReference(reference);
  const told = error.message;
  switch (error.code) {
    case "DENIED":
      return new EngineError("not-found", `${accessDenied(reference)}: ${told}`, { cause: error });
    case "MANIFEST_UNKNOWN":
      return new EngineError("not-found", `manifest for ${name} not found: ${told}`, { cause: error });
    case "NAME_UNKNOWN":
      return new EngineError("not-found", `repository ${name} not found: ${told}`, { cause: error });
    default:
      return isKind(error, "not-found")
        ? new EngineError("not-found", `manifest for ${name} not found: ${told}`, { cause: error })
        : error;
  }
}

/** Whether the next attempt has use for what a pull has brought that ended so: not of a bad image, and not on a full disk. */
export function isWorthKeeping(error: unknown): boolean {
  if (error instanceof EngineError) return error.kind === "unavailable";
  return (error as { code?: unknown }).code !== "ENOSPC";
}

function accessDenied(reference: Reference): string {
  return `pull access denied for ${familiarName(reference)}, repository does not exist or may require 'docker login'`;
}
