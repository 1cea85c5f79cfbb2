import { ClientError } from "../../../client/errors.ts";
import type { Transport } from "../../../client/transport.ts";
import type { WireBuilder } from "../../../wire/build-messages.ts";

/** What the one builder is called: buildx's name for the engine of the current context. */
export const BUILDER_NAME = "default";
export const DRIVER = "docker";

/** Throws where the daemon is another engine's. */
export async function theBuilder(transport: Transport): Promise<WireBuilder> {
  try {
    return await (await transport.call("GET", "/gantry/build/builder")).json<WireBuilder>();
  } catch (error) {
    if (!(error instanceof ClientError) || error.status !== 404) throw error;
    throw new Error("this daemon is not Gantry: it says nothing of its builder here", { cause: error });
  }
}

/** Throws for every other name. */
export function checkBuilderName(name: string): void {
  if (name !== "" && name !== BUILDER_NAME) throw new Error(`no builder ${JSON.stringify(name)} found`);
}
