import { conflict, EngineError } from "../../base/errors.ts";

/** Contexts that wait for their builds at one time. */
const MAX_WAITING = 256;
/** A build and its upload come in two requests, in any order. */
const ARRIVAL_MS = 5000;

/** Contexts that come in a request of their own: `remote=upload-request` and `buildid=upload-request:…` of docker with BuildKit. */
export interface Uploads {
  /** Hands the archive to the build of this name. Resolves when it was read. Throws unavailable when no build comes, conflict when it has one. */
  offer(id: string, archive: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void>;
  /** Throws unavailable when no upload comes. */
  take(id: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
}

interface Meeting {
  archive: PromiseWithResolvers<AsyncIterable<Uint8Array>>;
  offered: boolean;
  taken: boolean;
}

export function createUploads({ arrivalMs = ARRIVAL_MS }: { arrivalMs?: number } = {}): Uploads {
  const meetings = new Map<string, Meeting>();

  function meet(id: string): Meeting {
    const found = meetings.get(id);
    if (found !== undefined) return found;
    if (meetings.size >= MAX_WAITING) throw new EngineError("unavailable", "too many uploads wait for their builds");
    const meeting = { archive: Promise.withResolvers<AsyncIterable<Uint8Array>>(), offered: false, taken: false };
    meetings.set(id, meeting);
    return meeting;
  }

  return {
    async offer(id, archive, signal) {
      const meeting = meet(id);
      if (meeting.offered) throw conflict(`build ${id} has its upload already`);
      meeting.offered = true;
      const read = Promise.withResolvers<void>();
      meeting.archive.resolve(reporting(archive, read));
      try {
        const timer = setTimeout(() => {
          if (!meeting.taken) read.reject(timeout());
        }, arrivalMs);
        await Promise.race([read.promise, aborted(signal)]).finally(() => clearTimeout(timer));
      } finally {
        meetings.delete(id);
      }
    },
    async take(id, signal) {
      const meeting = meet(id);
      try {
        const archive = await Promise.race([meeting.archive.promise, aborted(signal), rejectAfter(arrivalMs)]);
        meeting.taken = true;
        return archive;
      } finally {
        meetings.delete(id);
      }
    },
  };
}

/** The same bytes; tells when they were read, or will not be read any more. */
async function* reporting(
  archive: AsyncIterable<Uint8Array>,
  read: PromiseWithResolvers<void>,
): AsyncGenerator<Uint8Array> {
  try {
    yield* archive;
  } finally {
    read.resolve();
  }
}

function timeout(): EngineError {
  return new EngineError("unavailable", "timeout: the other request of this build did not come");
}

function rejectAfter(ms: number): Promise<never> {
  return new Promise((_, reject) => {
    setTimeout(() => reject(timeout()), ms).unref();
  });
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const onAbort = () => reject(new EngineError("unavailable", "the client went away"));
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
}
