import { invalid } from "../base/errors.ts";
import { parseReference } from "../formats/reference/reference.ts";

const DOCKER_HUB = "docker.io";
/** What Docker's clients call Docker Hub in credentials, scheme and path taken away. */
const DOCKER_HUB_ADDRESSES = ["", "docker.io", "index.docker.io", "registry-1.docker.io"];

/** The domain of references that an address of credentials is for: `https://index.docker.io/v1/` is docker.io. Pure. */
export function registryDomain(serverAddress: string): string {
  const host = serverAddress.replace(/^https?:\/\//, "").replace(/\/.*$/, "");
  if (DOCKER_HUB_ADDRESSES.includes(host)) return DOCKER_HUB;
  try {
    return parseReference(`${host}/name`).domain === host ? host : fail();
  } catch {
    return fail();
  }

  function fail(): never {
    throw invalid(`${JSON.stringify(serverAddress)} is no address of a registry`);
  }
}

/** `localhost:5000/ubuntu` → the registry and what to look for there; without a registry it is Docker Hub. Pure. */
export function splitSearchTerm(term: string): { domain: string; rest: string } {
  const slash = term.indexOf("/");
  const first = slash === -1 ? "" : term.slice(0, slash);
  if (term === "" || (slash !== -1 && term.length === slash + 1)) throw invalid("a term to search for is needed");
  if (!/[.:]/.test(first) && first !== "localhost") return { domain: DOCKER_HUB, rest: term };
  return { domain: registryDomain(first), rest: term.slice(slash + 1) };
}
