import { EngineError, invalid } from "../base/errors.ts";
import type { Sandbox } from "../networks/networks.ts";
import type { ContainersDeps } from "./deps.ts";
import { attachmentRequest, type NetworkMode } from "./network-mode.ts";
import type { Definition } from "./record.ts";

/**
 * The network of a start. `host` and `none` are networks, too: inspect shows them, though there is nothing to set up. undefined:
 * another container's. Throws what the networks throw, in Docker's frame.
 */
export async function attachNetwork(
  networks: ContainersDeps["networks"],
  definition: Definition,
  mode: NetworkMode,
): Promise<Sandbox | undefined> {
  try {
    await checkEndpoints(networks, definition, mode);
    if (mode.kind === "container") return undefined;
    return await networks.attach(attachmentRequest(definition, mode.kind === "network" ? mode.name : mode.kind));
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    const text = `failed to set up container networking: ${error.message}`;
    throw new EngineError(error.kind, text, { cause: error });
  }
}

/** Every network that `EndpointsConfig` names must exist and go with the mode. Texts of moby's runconfig. */
async function checkEndpoints(
  networks: ContainersDeps["networks"],
  { spec }: Definition,
  mode: NetworkMode,
): Promise<void> {
  const own = mode.kind === "network" ? mode.name : mode.kind;
  for (const asked of Object.keys(spec.network.endpoints)) {
    if (asked === spec.network.mode || asked === own || asked === "default") continue;
    // Clients repeat the mode as they were given it, with the other container's name; ours has its ID.
    if (mode.kind === "container" && asked.startsWith("container:")) continue;
    const { name } = await networks.get(asked);
    if (name === own) continue;
    if (mode.kind === "container" || mode.kind === "host") {
      throw invalid(
        "container sharing network namespace with another container or host cannot be connected to any other network",
      );
    }
    if (mode.kind === "none" || name === "none") {
      throw invalid(
        "container cannot be connected to multiple networks with one of the networks in private (none) mode",
      );
    }
    if (name === "host")
      throw invalid("container cannot be disconnected from host network or connected to host network");
  }
}
