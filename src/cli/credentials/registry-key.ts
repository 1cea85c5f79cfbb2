import { parseReference } from "../../formats/reference/reference.ts";

/** Under which Docker keeps the account of Docker Hub, since the first version of its API. */
export const HUB_KEY = "https://index.docker.io/v1/";
const HUB_NAME = "docker.io";

/** The key of the account that an image's registry takes. Throws where the reference is none. Pure. */
export function keyOfImage(reference: string): string {
  const { domain } = parseReference(reference);
  return domain === HUB_NAME ? HUB_KEY : domain;
}

/** The host that goes with a key; "" for Docker Hub, which nobody has to name. */
export function registryOf(key: string): string {
  return key === HUB_KEY ? "" : key;
}

/** What `login` and `logout` mean by their argument: "" and `docker.io` are Docker Hub, an address is its host. Pure. */
export function keyOfServer(server: string): string {
  return server === "" || server === HUB_NAME || server === HUB_KEY ? HUB_KEY : hostOf(server);
}

/** `https://host:5000/v2/` → `host:5000`. */
export function hostOf(address: string): string {
  return address.replace(/^https?:\/\//, "").replace(/\/.*$/, "");
}

/** The registry of a `search` term, which may begin with a host: `host:5000/name`. */
export function keyOfTerm(term: string): string {
  const [first = "", ...rest] = term.split("/");
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === "localhost");
  return isHost && first !== HUB_NAME ? first : HUB_KEY;
}
