import { invalid } from "../base/errors.ts";
import type { Image } from "../images/images.ts";
import type { ListFilters } from "./containers.ts";
import { healthStatus } from "./health.ts";
import { expandExposed } from "./network-mode.ts";
import type { Definition, Run } from "./record.ts";
import { exitCodeOf } from "./state.ts";

/** What a filter looks at. */
export interface Filtered {
  definition: Definition;
  run: Run;
}

/** What filters must look up before they can decide: values that name other objects, resolved. */
export interface Resolved {
  /** Image IDs of `ancestor`, and every image built on them. */
  ancestors: ReadonlySet<string>;
  /** Creation times of `before` and `since`. */
  before: Date | undefined;
  since: Date | undefined;
}

type Test = (container: Filtered, value: string, resolved: Resolved) => boolean;

const LIST_FILTERS = new Set(
  "ancestor before exited id isolation label name status health since volume network is-task publish expose".split(" "),
);
const STATUSES = ["paused", "restarting", "removing", "running", "dead", "created", "exited"];
const HEALTH = ["starting", "healthy", "unhealthy", "none"];

/** One value matching is enough for every name but `label`, of which all must match. */
const TESTS: Record<string, Test> = {
  id: ({ definition }, value) => matchesText(definition.id, value),
  name: ({ definition }, value) =>
    matchesText(definition.spec.name, value) || matchesText(`/${definition.spec.name}`, value),
  status: ({ run }, value) => run.state.status === value,
  exited: ({ run }, value) => run.state.status === "exited" && exitCodeOf(run.state) === Number(value),
  label: ({ definition }, value) => matchesLabel(definition.spec.labels, value),
  ancestor: ({ definition }, _value, { ancestors }) => ancestors.has(definition.imageId),
  before: ({ definition }, _value, { before }) => before !== undefined && definition.createdAt < before,
  since: ({ definition }, _value, { since }) => since !== undefined && definition.createdAt > since,
  volume: ({ definition }, value) =>
    definition.mounts.some((mount) => [mount.name, mount.source, mount.destination].includes(value)),
  network: ({ definition, run }, value) =>
    run.endpoints.some((endpoint) => endpoint.networkName === value || endpoint.networkId === value) ||
    networkName(definition) === value,
  health: ({ run }, value) => healthStatus(run.health) === value,
  isolation: (_container, value) => value === "default" || value === "",
  "is-task": (_container, value) => !isTrue(value),
  publish: ({ run, definition }, value) => {
    const ports = new Set(expandExposed(value));
    const published = [
      ...run.endpoints.flatMap((endpoint) => endpoint.ports.map((port) => `${port.containerPort}/${port.protocol}`)),
      ...definition.spec.network.portBindings.map((port) => `${port.containerPort}/${port.protocol}`),
    ];
    return published.some((port) => ports.has(port));
  },
  expose: ({ definition }, value) => {
    const ports = new Set(expandExposed(value));
    return definition.spec.exposedPorts.flatMap(expandExposed).some((port) => ports.has(port));
  },
};

/** Throws invalid-argument, with Docker's texts, for names and values that no list can have. */
export function validateListFilters(filters: ListFilters): void {
  for (const [name, values] of Object.entries(filters)) {
    if (!LIST_FILTERS.has(name)) throw invalid(`invalid filter '${name}'`);
    for (const value of values) {
      if (name === "status" && !STATUSES.includes(value)) {
        throw invalid(`invalid filter 'status=${value}'`);
      }
      if (name === "health" && !HEALTH.includes(value)) throw invalid(`invalid filter 'health=${value}'`);
      if (name === "exited" && !/^-?\d+$/.test(value)) throw invalid(`invalid filter 'exited=${value}'`);
      if ((name === "publish" || name === "expose") && expandExposed(value).length === 0) {
        throw invalid(`invalid filter '${name}=${value}'`);
      }
    }
  }
}

export function matchesFilters(container: Filtered, filters: ListFilters, resolved: Resolved): boolean {
  for (const [name, values] of Object.entries(filters)) {
    const test = TESTS[name];
    if (test === undefined || values.length === 0) continue;
    const holds = (value: string) => test(container, value, resolved);
    if (!(name === "label" ? values.every(holds) : values.some(holds))) return false;
  }
  return true;
}

/** Filters that ask for containers that do not run make the list look at all of them. */
export function impliesAll(filters: ListFilters): boolean {
  return ["status", "exited", "before", "since"].some((name) => (filters[name]?.length ?? 0) > 0);
}

/** `key` or `key=value`. */
export function matchesLabel(labels: Record<string, string>, wanted: string): boolean {
  const equals = wanted.indexOf("=");
  const key = equals === -1 ? wanted : wanted.slice(0, equals);
  return Object.hasOwn(labels, key) && (equals === -1 || labels[key] === wanted.slice(equals + 1));
}

/** Longer patterns come from nobody who looks for a name. */
const MAX_PATTERN_LENGTH = 256;
/** Quantified groups, back-references and many quantifiers can take for ever; Go's engine, which Docker uses, cannot. */
const UNSAFE_PATTERN = /\)[*+?{]|\\[1-9k]|\(\?|([*+{][^*+{]*){3}/;
const PLAIN_PATTERN = /^(\^?)([\w/-]*)(\$?)$/;

/** Docker matches names and IDs by regular expression, unanchored. */
export function matchesText(text: string, pattern: string): boolean {
  const plain = PLAIN_PATTERN.exec(pattern);
  if (plain !== null) {
    const [, start, word = "", end] = plain;
    if (start && end) return text === word;
    if (start) return text.startsWith(word);
    return end ? text.endsWith(word) : text.includes(word);
  }
  if (pattern.length > MAX_PATTERN_LENGTH || UNSAFE_PATTERN.test(pattern)) return text.includes(pattern);
  try {
    return new RegExp(pattern).test(text);
  } catch {
    return text === pattern;
  }
}

function networkName({ spec }: Definition): string {
  return spec.network.mode === "default" || spec.network.mode === "" ? "bridge" : spec.network.mode;
}

function isTrue(value: string): boolean {
  return value === "1" || value.toLowerCase() === "true";
}

/** The image that `ancestor` names, and those among `users` whose layers begin with all of its layers. */
export function descendantsOf(ancestor: Image, users: Iterable<Image>): Set<string> {
  const ids = new Set([ancestor.id]);
  const base = ancestor.config.diffIds;
  for (const image of users) {
    const layers = image.config.diffIds;
    if (layers.length > base.length && base.every((id, index) => layers[index] === id)) ids.add(image.id);
  }
  return ids;
}
