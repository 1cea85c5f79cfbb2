import { encodeDescriptor } from "../../../formats/oci/descriptor.ts";
import { imageIdOf, type PackedImage, type PackedPlatform } from "./pack-image.ts";

/** BuildKit's keys of an answer. @see BuildKit exporter/containerimage/exptypes */
export function imageResponse(
  { top, index }: PackedImage,
  main: PackedPlatform,
  names: string[],
): Record<string, string> {
  const { created } = JSON.parse(Buffer.from(main.config.bytes).toString()) as { created?: string };
  const annotations = {
    "config.digest": main.config.descriptor.digest,
    ...(created === undefined ? {} : { "org.opencontainers.image.created": created }),
  };
  const platform = main.target.platform;
  const descriptor = index === undefined ? { ...top.descriptor, annotations, platform } : top.descriptor;
  return {
    "containerimage.digest": top.descriptor.digest,
    // Of several images none is the image; the one that runs here is still what its name leads to.
    "containerimage.config.digest": imageIdOf(main),
    "containerimage.descriptor": Buffer.from(JSON.stringify(encodeDescriptor(descriptor))).toString("base64"),
    ...(names.length === 0 ? {} : { "image.name": names.join(",") }),
  };
}
