import type { RemovedImage } from "../../images/images.ts";
import type { WireImageRemoved } from "../../wire/images.ts";

/** One item of the answers of `DELETE /images/{name}` and `POST /images/prune`. */
export function encodeRemoved(one: RemovedImage): WireImageRemoved {
  return "untagged" in one ? { Untagged: one.untagged } : { Deleted: one.deleted };
}
