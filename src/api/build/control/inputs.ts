import { notFound } from "../../../base/errors.ts";
import type { SolvedTarget } from "../../../builder/builder.ts";
import type { Definition } from "../../../wire/buildkit/definition.ts";
import type { GatewayBuilds } from "./gateway-builds.ts";
import { resultIn } from "./result-definition.ts";

/** Contexts that a client has given as build definitions, by their names there. undefined: the empty tree. */
export function inputsOf(
  builds: Pick<GatewayBuilds, "target">,
  inputs: ReadonlyMap<string, Definition>,
): (name: string) => SolvedTarget | undefined {
  return (name) => {
    const definition = inputs.get(name);
    if (definition === undefined) throw notFound("input", name);
    const id = resultIn(definition);
    return id === undefined ? undefined : builds.target(id);
  };
}
