import { messageOf } from "../base/errors.ts";
import { KeyedQueue } from "../base/keyed-queue.ts";
import { ContainerIndex } from "./container-index.ts";
import type { ContainersDeps } from "./deps.ts";
import type { Entry } from "./entry.ts";
import type { Subject } from "./guards.ts";
import { encodeRun, type Run } from "./record.ts";
import { type Fact, next } from "./state.ts";

/** What every concern of the containers shares: the dependencies, the index, and the one way in which states change. */
export interface Core {
  deps: ContainersDeps;
  index: ContainerIndex;
  /** Commands on one container run one after the other; the end of a task is one of them. */
  queue: KeyedQueue;
  /** The only place where a state changes. In memory; `persist` follows. */
  apply(entry: Entry, fact: Fact, changes?: Partial<Omit<Run, "state">>): void;
  /** Writes the run to the records. A full disk is logged, never in the way: what the kernel did is true all the same. */
  persist(entry: Entry): void;
  publish(entry: Entry, action: string, attributes?: Record<string, string>): void;
  /** One event for each volume of the container. */
  publishVolumes(entry: Entry, action: "mount" | "unmount"): void;
  /** Images of containers that are being made and have no entry yet: they are in use all the same. */
  readonly creating: Map<string, string>;
}

export function createCore(deps: ContainersDeps): Core {
  const core: Core = {
    deps,
    index: new ContainerIndex(),
    queue: new KeyedQueue(),
    apply(entry, fact, changes = {}) {
      entry.run = { ...entry.run, ...changes, state: next(entry.run.state, fact) };
    },
    persist(entry) {
      try {
        deps.records.updateRun(entry.id, encodeRun(entry.run));
      } catch (error) {
        deps.logger.error("writing a container's record", { container: entry.id, error: messageOf(error) });
      }
    },
    publish(entry, action, attributes = {}) {
      const { spec } = entry.definition;
      deps.publish({
        type: "container",
        action,
        actorId: entry.id,
        attributes: { ...spec.labels, image: spec.image, name: spec.name, ...attributes },
      });
    },
    publishVolumes(entry, action) {
      for (const mount of entry.definition.mounts) {
        if (mount.type !== "volume") continue;
        const mounted = {
          destination: mount.destination,
          "read/write": String(mount.readWrite),
          propagation: mount.propagation,
        };
        deps.publish({
          type: "volume",
          action,
          actorId: mount.name,
          attributes: { driver: mount.driver, container: entry.id, ...(action === "mount" ? mounted : {}) },
        });
      }
    },
    creating: new Map(),
  };
  return core;
}

export function subjectOf(entry: Entry, reference = entry.id): Subject {
  return { id: entry.id, name: entry.definition.spec.name, reference };
}
