import type { Kind } from "./kind.ts";
import { isDigest, joinReference } from "./route.ts";

export interface Command {
  /** Says what it does better than another: `Docker`, `by digest`. */
  label: string;
  line: string;
}

/**
 * The registry's name in a reference. The word before the first slash is a host only with a dot, a colon or the name localhost
 * (distribution/reference), so a plain name gets the port that the browser leaves out.
 */
export function registryHost({ host, protocol }: { host: string; protocol: string }): string {
  if (/[.:]/.test(host) || host === "localhost") return host;
  return `${host}:${protocol === "https:" ? 443 : 80}`;
}

export interface PullTarget {
  host: string;
  name: string;
  /** A tag or a digest. */
  reference: string;
  digest: string;
  kind: Kind;
  /** `linux/arm64`, where one of several is looked at. */
  platform: string;
}

/** How to fetch it, the tools that people have first. */
export function pullCommands({ host, name, reference, digest, kind, platform }: PullTarget): Command[] {
  const repository = `${host}/${name}`;
  const wanted = joinReference(repository, reference);
  if (kind.label === "Helm chart" && !isDigest(reference)) {
    return [
      { label: "Helm", line: `helm pull oci://${repository} --version ${reference}` },
      { label: "ORAS", line: `oras pull ${wanted}` },
    ];
  }
  if (kind.group === "artifact") return [{ label: "ORAS", line: `oras pull ${wanted}` }];
  const option = platform === "" ? "" : `--platform ${platform} `;
  const commands = [
    { label: "Docker", line: `docker pull ${option}${wanted}` },
    { label: "Gantry", line: `gantry pull ${option}${wanted}` },
  ];
  if (isDigest(reference)) return commands;
  return [...commands, { label: "By digest", line: `docker pull ${option}${joinReference(repository, digest)}` }];
}

/** How a first image comes into an empty registry, or a new tag into a repository. */
export function pushCommands(host: string, name = "my-app"): Command[] {
  return [
    { label: "Tag", line: `docker tag ${name.split("/").at(-1) ?? name} ${host}/${name}:1.0` },
    { label: "Push", line: `docker push ${host}/${name}:1.0` },
  ];
}
