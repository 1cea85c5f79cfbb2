import { parseReference } from "../../formats/reference/reference.ts";
import { type Command, ExitError, exactly } from "../command.ts";
import { callForRegistry } from "../credentials/call-for-registry.ts";
import { keyOfImage } from "../credentials/registry-key.ts";
import { BOOL } from "../flags/flag-types.ts";
import type { ImageManifest } from "./image-manifest.ts";
import { indexOf, missingList, openLocalLists } from "./local-lists.ts";

export const command: Command = {
  usage: "[OPTIONS] MANIFEST_LIST",
  short: "Push a manifest list to a repository",
  aliases: ["manifest push"],
  flags: [
    { name: "insecure", type: BOOL, usage: "Allow push to an insecure registry" },
    { name: "purge", short: "p", type: BOOL, usage: "Remove the local manifest list after push" },
  ],
  arity: exactly(1),
  examples: [["manifest push --purge reg.example.com/web:1", "Into the registry; nothing of it stays here"]],
  async run(context, flags) {
    const list = flags.arguments[0] ?? "";
    const lists = openLocalLists(context);
    const images = await lists.get(list);
    if (images.length === 0) throw missingList(list);
    const sources = sourcesOf(list, images);
    const key = keyOfImage(list);
    const index = indexOf(images);
    const query = { insecure: flags.bool("insecure") ? true : undefined };
    const json = { MediaType: index.mediaType, Document: JSON.stringify(index, undefined, 3), Sources: sources };
    const answer = await callForRegistry(context, {
      method: "PUT",
      path: `/gantry/manifests/${list}`,
      key,
      query,
      json,
    });
    await context.io.out(`${(await answer.json<{ Digest: string }>()).Digest}\n`);
    if (flags.bool("purge")) await lists.remove(list);
    return 0;
  },
};

/** Where the registry finds the images that are in another of its repositories than the list. */
function sourcesOf(list: string, images: readonly ImageManifest[]): { Repository: string; Digest: string }[] {
  const target = parseReference(list);
  return images.flatMap(({ Ref, Descriptor }) => {
    const { domain, path } = parseReference(Ref);
    if (domain !== target.domain) {
      throw new ExitError(
        1,
        `cannot use source images from a different registry than the target image: ${domain} != ${target.domain}`,
      );
    }
    return path === target.path ? [] : [{ Repository: `${domain}/${path}`, Digest: Descriptor.digest }];
  });
}
