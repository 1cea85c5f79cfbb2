import { conflict, type EngineError } from "../base/errors.ts";
import type { ContainerState } from "./containers.ts";

/** What a client may ask of a container. `restart`, `stop` and `rename` are possible in every state, so they have no guard. */
export type Command = "start" | "kill" | "pause" | "unpause" | "remove" | "exec" | "attach" | "resize" | "top" | "logs";

export interface Subject {
  id: string;
  /** Without the leading slash. */
  name: string;
  /** As the client gave it. */
  reference: string;
}

/** Why `command` is refused in `state`, in the words of Docker 28; undefined: it may go on. */
export function refusal(state: ContainerState, command: Command, subject: Subject): EngineError | undefined {
  const text = REFUSALS[command](state.status, subject);
  return text === undefined ? undefined : conflict(text);
}

/** Throws the refusal. */
export function assertCan(state: ContainerState, command: Command, subject: Subject): void {
  const error = refusal(state, command, subject);
  if (error !== undefined) throw error;
}

type Status = ContainerState["status"];
type Rule = (status: Status, subject: Subject) => string | undefined;

const REFUSALS: Record<Command, Rule> = {
  start(status) {
    if (status === "paused") return "cannot start a paused container, try unpause instead";
    if (status === "removing" || status === "dead") return "container is marked for removal and cannot be started";
    return undefined;
  },
  kill(status, { id, reference }) {
    if (isUp(status)) return undefined;
    return `cannot kill container: ${reference}: ${notRunning(id)}`;
  },
  pause(status, { id }) {
    if (status === "paused") return `container ${id} is already paused`;
    if (status === "restarting") return restarting(id);
    return isUp(status) ? undefined : notRunning(id);
  },
  unpause: (status, { id }) => (status === "paused" ? undefined : `container ${id} is not paused`),
  remove(status, { name }) {
    if (!isUp(status)) return undefined;
    const object = `cannot remove container ${JSON.stringify(`/${name}`)}: container is ${status}`;
    return status === "paused"
      ? `${object} and must be unpaused first`
      : `${object}: stop the container before removing or force remove`;
  },
  exec(status, { id }) {
    if (status === "paused") return `container ${id} is paused, unpause the container before exec`;
    if (status === "restarting") return restarting(id);
    return isUp(status) ? undefined : notRunning(id);
  },
  attach(status, { id }) {
    if (status === "paused") return `container ${id} is paused, unpause the container before attach`;
    if (status === "restarting") return restarting(id);
    if (status === "removing" || status === "dead") return "container is marked for removal and cannot be attached";
    return undefined;
  },
  resize(status, { id }) {
    return status === "running" || status === "paused" ? undefined : notRunning(id);
  },
  top(status, { id }) {
    if (status === "restarting") return restarting(id);
    return isUp(status) ? undefined : notRunning(id);
  },
  logs(status) {
    if (status !== "removing" && status !== "dead") return undefined;
    return "can not get logs from container which is dead or marked for removal";
  },
};

function isUp(status: Status): boolean {
  return status === "running" || status === "paused" || status === "restarting";
}

function notRunning(id: string): string {
  return `container ${id} is not running`;
}

function restarting(id: string): string {
  return `container ${id} is restarting, wait until the container is running`;
}
