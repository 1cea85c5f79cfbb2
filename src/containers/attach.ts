import type { Attachment, AttachRequest } from "../runtime/launcher/launcher.ts";
import { type Core, subjectOf } from "./core.ts";
import type { Entry } from "./entry.ts";
import { assertCan } from "./guards.ts";
import { PendingAttachment } from "./pending-attachment.ts";

/** Clients that attach to one container before it starts. */
const MAX_PENDING = 256;

export interface Attacher {
  attach(entry: Entry, request: AttachRequest): Promise<Attachment>;
}

export function createAttacher(core: Core): Attacher {
  return {
    attach(entry, request) {
      assertCan(entry.run.state, "attach", subjectOf(entry));
      // Input of a container that was made without -i goes nowhere, as with Docker.
      const wanted = { ...request, stdin: request.stdin && entry.definition.spec.streams.openStdin };
      core.publish(entry, "attach");
      return entry.task === undefined ? Promise.resolve(wait(entry, wanted)) : entry.task.attach(wanted);
    },
  };
}

/** Until the start; a client that goes away before is forgotten. */
function wait(entry: Entry, request: AttachRequest): Attachment {
  const attachment = new PendingAttachment(request);
  if (entry.pending.size >= MAX_PENDING) {
    attachment.abandon();
    return attachment;
  }
  entry.pending.add(attachment);
  attachment.once("close", () => entry.pending.delete(attachment));
  return attachment;
}
