import { EngineError } from "../../../base/errors.ts";
import type { FoundImage } from "../../../builder/builder.ts";
import type { Platform } from "../../../wire/buildkit/control.ts";
import { SourceOp } from "../../../wire/buildkit/definition.ts";
import {
  BRIDGE,
  ResolveImageRequest,
  ResolveImageResponse,
  ResolveSourceRequest,
  ResolveSourceResponse,
} from "../../../wire/buildkit/gateway.ts";
import type { MessageOf } from "../../../wire/protobuf/message.ts";
import { type CallHandler, type ServerCall, unary } from "../../grpc/server.ts";
import type { GatewayBuild } from "./gateway-builds.ts";

const IMAGE_SCHEME = "docker-image://";

interface Asked {
  reference: string;
  platform: MessageOf<typeof Platform> | undefined;
  mode: string;
}

/** Clients ask about images as FROM would take them: what is not here is pulled. */
export function imageServices(find: (call: ServerCall) => Promise<GatewayBuild>): [string, CallHandler][] {
  const resolve = async (call: ServerCall, { reference, platform, mode }: Asked): Promise<FoundImage> => {
    const { job, signal } = await find(call);
    const { os = "", architecture = "", variant = "" } = platform ?? {};
    const text = [os, architecture, variant].filter(Boolean).join("/");
    const image = { reference, platform: text, pull: mode === "pull" };
    return job.resolveImage(image, AbortSignal.any([signal, call.signal]));
  };
  return [
    [
      `${BRIDGE}ResolveImageConfig`,
      unary({ input: ResolveImageRequest, output: ResolveImageResponse }, async ({ ref, platform, mode }, call) => {
        const { reference, digest, config } = await resolve(call, { reference: ref, platform, mode });
        return { ref: reference, digest, config: encodeConfig(config) };
      }),
    ],
    [
      `${BRIDGE}ResolveSourceMeta`,
      unary({ input: ResolveSourceRequest, output: ResolveSourceResponse }, async (request, call) => {
        const { identifier = "", attributes } = request.source ?? SourceOp.create();
        if (!identifier.startsWith(IMAGE_SCHEME)) throw otherSource(identifier);
        const asked = { ...request, reference: identifier.slice(IMAGE_SCHEME.length) };
        const mode = request.mode || (attributes.get("image.resolvemode") ?? "");
        const { reference, digest, config } = await resolve(call, { ...asked, mode });
        const source = SourceOp.create({ identifier: IMAGE_SCHEME + reference, attributes });
        return { source, image: { digest, config: encodeConfig(config) } };
      }),
    ],
  ];
}

function otherSource(identifier: string): EngineError {
  return new EngineError(
    "not-implemented",
    `only images can be resolved, not ${JSON.stringify(identifier.slice(0, 256))}`,
  );
}

function encodeConfig(config: Record<string, unknown>): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(config));
}
