import { referrerLabel } from "../model/kind.ts";
import { annotation, type Descriptor } from "../model/manifest.ts";
import { routeTo } from "../model/route.ts";
import { formatSize } from "../model/size.ts";
import { parseTime } from "../model/time.ts";
import type { Context } from "./context.ts";
import { h } from "./dom.ts";
import { fill } from "./notice.ts";
import { digestLabel, pill, section, timeLabel } from "./parts.ts";

export interface Subjects {
  digests: string[];
  /** Known already: what an index lists beside its images. */
  listed: Descriptor[];
}

/** Signatures, SBOMs and whatever else names this image as its subject. */
export function referrersSection(context: Context, name: string, { digests, listed }: Subjects): HTMLElement {
  const slot = h("div");
  fill(slot, context.signal, async () => {
    const found = await Promise.all(digests.map((digest) => context.registry.referrers(name, digest, context.signal)));
    const all = [...new Map([...listed, ...found.flat()].map((one) => [one.digest, one])).values()];
    if (all.length === 0) {
      return [h("p", { class: "empty" }, "Nothing refers to it: no signature, no SBOM, no attestation.")];
    }
    return [h("ul", { class: "referrers" }, ...all.map((one) => referrer(name, one)))];
  });
  return section("Referrers", undefined, slot);
}

function referrer(name: string, one: Descriptor): HTMLElement {
  return h(
    "li",
    {},
    pill(referrerLabel(one), "artifact"),
    h("a", { href: routeTo(name, one.digest), class: "long" }, one.artifactType || one.mediaType),
    h("span", { class: "size" }, formatSize(one.size)),
    timeLabel(parseTime(annotation(one, "org.opencontainers.image.created"))),
    digestLabel(one.digest),
  );
}
