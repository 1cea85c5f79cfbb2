import type { ImageConfig } from "./image-config.ts";
import type { Descriptor } from "./manifest.ts";

export interface Step {
  /** `RUN`, `COPY`, …; empty where the builder does not say. */
  verb: string;
  command: string;
  /** The layer that the step made; undefined where it changed only the config. */
  layer: Descriptor | undefined;
}

/**
 * The steps that made an image, each with its layer. History may be missing, short or a lie: layers that it does not cover follow
 * as steps without a command, and none is shown twice. @see OCI image-spec config.md, `history`
 */
export function stepsOf(config: ImageConfig, layers: readonly Descriptor[]): Step[] {
  const left = [...layers];
  const steps = config.history.map(({ createdBy, emptyLayer }): Step => {
    return { ...instruction(createdBy), layer: emptyLayer ? undefined : left.shift() };
  });
  return [...steps, ...left.map((layer): Step => ({ verb: "", command: "", layer }))];
}

const NO_OPERATION = /^\/bin\/sh -c #\(nop\)\s+/;
const SHELL = /^(RUN\s+)?\/bin\/sh -c\s+/;
const BUILDKIT = /\s*# buildkit$/;
const VERB =
  /^(ADD|ARG|CMD|COPY|ENTRYPOINT|ENV|EXPOSE|FROM|HEALTHCHECK|LABEL|MAINTAINER|ONBUILD|RUN|SHELL|STOPSIGNAL|USER|VOLUME|WORKDIR)\s+/;

/** The Dockerfile's own words, without what the classic builder and BuildKit put round them. */
export function instruction(createdBy: string): { verb: string; command: string } {
  const plain = createdBy.trim().replace(BUILDKIT, "").replace(NO_OPERATION, "");
  if (SHELL.test(plain)) return { verb: "RUN", command: plain.replace(SHELL, "") };
  const verb = VERB.exec(plain);
  if (verb === null) return { verb: "", command: plain };
  return { verb: verb[1] ?? "", command: plain.slice(verb[0].length) };
}
