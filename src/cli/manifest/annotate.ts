import { type Command, ExitError, exactly } from "../command.ts";
import type { Parsed } from "../flags/flag-set.ts";
import { listOf, STRING } from "../flags/flag-types.ts";
import { openLocalLists } from "./local-lists.ts";
import type { ManifestPlatform } from "./remote-manifest.ts";

export const command: Command = {
  usage: "[OPTIONS] MANIFEST_LIST MANIFEST",
  short: "Add additional information to a local image manifest",
  aliases: ["manifest annotate"],
  flags: [
    { name: "arch", type: STRING, usage: "Set architecture" },
    { name: "os", type: STRING, usage: "Set operating system" },
    { name: "os-features", type: listOf("strings"), usage: "Set operating system feature" },
    { name: "os-version", type: STRING, usage: "Set operating system version" },
    { name: "variant", type: STRING, usage: "Set architecture variant" },
  ],
  arity: exactly(2),
  examples: [
    [
      "manifest annotate localhost:5000/web:1 localhost:5000/web:1-arm --arch arm --variant v7",
      "What an image does not say of itself",
    ],
  ],
  async run(context, flags) {
    const [list = "", image = ""] = flags.arguments;
    const lists = openLocalLists(context);
    const manifest = await lists.image(list, image);
    const platform = annotated(manifest.Descriptor.platform ?? { os: "", architecture: "" }, flags);
    if (!isSupported(platform)) {
      const { os, architecture } = platform;
      throw new ExitError(1, `manifest entry for image has unsupported os/arch combination: ${os}/${architecture}`);
    }
    await lists.put(list, image, { ...manifest, Descriptor: { ...manifest.Descriptor, platform } });
    return 0;
  },
};

/** Keys in the order of Docker's document. */
function annotated(before: ManifestPlatform, flags: Parsed): ManifestPlatform {
  const version = flags.string("os-version") || before["os.version"];
  const added = flags.list("os-features").flatMap((text) => text.split(","));
  const features = [...new Set([...(before["os.features"] ?? []), ...added])];
  const variant = flags.string("variant") || before.variant;
  return {
    architecture: flags.string("arch") || before.architecture,
    os: flags.string("os") || before.os,
    ...(version === undefined ? {} : { "os.version": version }),
    ...(features.length === 0 ? {} : { "os.features": features }),
    ...(variant === undefined ? {} : { variant }),
  };
}

/** Pairs that Go builds for; Docker takes no others. */
const ARCHITECTURES: Record<string, string> = {
  aix: "ppc64",
  android: "386 amd64 arm arm64",
  darwin: "386 amd64 arm arm64",
  dragonfly: "amd64",
  freebsd: "386 amd64 arm arm64 riscv64",
  illumos: "amd64",
  ios: "amd64 arm64",
  js: "wasm",
  linux: "386 amd64 arm arm64 loong64 mips mips64 mips64le mipsle ppc64 ppc64le riscv64 s390x",
  netbsd: "386 amd64 arm arm64",
  openbsd: "386 amd64 arm arm64",
  plan9: "386 amd64 arm",
  solaris: "amd64",
  wasip1: "wasm",
  windows: "386 amd64 arm arm64",
};

function isSupported({ os, architecture }: ManifestPlatform): boolean {
  const known = Object.hasOwn(ARCHITECTURES, os) ? (ARCHITECTURES[os] ?? "") : "";
  return known.split(" ").includes(architecture);
}
