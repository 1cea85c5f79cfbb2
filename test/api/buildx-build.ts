import type { BuildKitClient, Message } from "./buildkit-peer.ts";

export const CONTROL = "moby.buildkit.v1.Control";
export const BRIDGE = "moby.buildkit.v1.frontend.LLBBridge";

export interface BuildxBuild {
  ref: string;
  /** FrontendOpt. */
  options: Message;
  /** More fields of Control.Solve. */
  solve?: Message;
  /** Asks for each result to be built, as clients do whose server cannot by itself. */
  evaluate?: boolean;
}

/** What buildx does for `docker build`: Control.Solve waits while the bridge solves, then the client returns the result. */
export async function buildAsBuildx(
  client: BuildKitClient,
  { ref, options, solve = {}, evaluate = true }: BuildxBuild,
): Promise<{ answer: Message; result: Message; capabilities: string[] }> {
  const own = { "buildkit-controlapi-buildid": ref };
  const answer = client.call(`${CONTROL}/Solve`, { Ref: ref, ...solve });
  // Where the bridge's calls fail, so does this one, later.
  answer.catch(() => undefined);
  const pong = await client.call(`${BRIDGE}/Ping`, {}, own);
  const request = {
    Frontend: "dockerfile.v0",
    FrontendOpt: options,
    allowResultReturn: true,
    allowResultArrayRef: true,
  };
  const { result } = await client.call(`${BRIDGE}/Solve`, request, own);
  const ids = [result.ref?.id, ...Object.values(result.refs?.refs ?? {}).map((one) => (one as Message)["id"])];
  if (evaluate) for (const Ref of ids.filter(Boolean)) await client.call(`${BRIDGE}/Evaluate`, { Ref }, own);
  await client.call(`${BRIDGE}/Return`, { result }, own);
  const capabilities = pong["FrontendAPICaps"].map(({ ID }: Message) => ID as string);
  return { answer: await answer, result, capabilities };
}
