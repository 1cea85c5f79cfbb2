import type { Clock } from "../../base/clock.ts";
import type { ImagesDeps, ImagesService } from "../../images/create-images.ts";
import type { DistributionService } from "../../images/create-distribution.ts";
import type { RegistryCredentials } from "../../images/distribution.ts";
import type { Compressor } from "../../storage/content/compress/compress.ts";
import type { Content } from "../../storage/content/content.ts";
import type { Snapshots } from "../../storage/snapshots/snapshots.ts";
import type { SolveRequest, SolvedTarget } from "../builder.ts";
import type { BuildEvent } from "../events.ts";
import type { BuildSession } from "../session.ts";

export interface OutputsDeps {
  content: Content;
  snapshots: Pick<Snapshots, "view" | "has">;
  images: Pick<ImagesService, "store" | "library">;
  distribution: Pick<DistributionService, "open" | "fetcher" | "pushImage">;
  publish: ImagesDeps["publish"];
  clock: Clock;
  /** See engine/failpoints. */
  failpoint: (name: string) => void;
}

/** What all exporters of one build share. */
export interface ExportContext {
  deps: OutputsDeps & { compressor: Compressor };
  /** Name of the build. */
  ref: string;
  request: SolveRequest;
  session: BuildSession | undefined;
  report: (event: BuildEvent) => void;
  signal: AbortSignal;
  /** Statements about a target, made when the first output wants them. Empty: none were asked for. */
  predicates: (target: SolvedTarget) => Promise<Predicate[]>;
}

/** What is said about an image, without the image. @see in-toto attestation spec, Statement */
export interface Predicate {
  type: string;
  value: object;
  /** What the file is called beside the files of a build. */
  fileName: string;
}

/** The account for a registry, from the client or from the request. undefined: anonymous. */
export async function credentialsFor(
  { session, accounts }: { session: BuildSession | undefined; accounts: SolveRequest["accounts"] },
  domain: string,
  signal: AbortSignal,
): Promise<RegistryCredentials | undefined> {
  const asked = await session?.credentials(domain, signal);
  const account = asked ?? namesOfHost(domain).flatMap((name) => accounts[name] ?? [])[0];
  if (account === undefined) return undefined;
  return { ...account, serverAddress: domain, registryToken: "" };
}

/** Under which it stands in files of accounts. */
function namesOfHost(domain: string): string[] {
  const isHub = domain === "docker.io";
  return isHub ? [domain, "https://index.docker.io/v1/", "index.docker.io", "registry-1.docker.io"] : [domain];
}
