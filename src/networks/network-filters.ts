import { invalid } from "../base/errors.ts";
import type { Network } from "./networks.ts";
import { isPredefined } from "./predefined.ts";

type Matcher = (network: Network, value: string) => boolean;

const MATCHERS: Record<string, Matcher> = {
  name: (network, value) => network.name.includes(value),
  id: (network, value) => network.id.startsWith(value),
  driver: (network, value) => network.driver === value,
  scope: (network, value) => network.scope === value,
  type: matchesType,
  label: matchesLabel,
  dangling: (network, value) => isDangling(network) === isTrue(value),
};

/** Values of one key are alternatives (labels all must match), keys all must match. Throws invalid-argument in Docker's words. */
export function filterNetworks(networks: Network[], filters: Record<string, string[]>): Network[] {
  for (const key of Object.keys(filters)) if (!Object.hasOwn(MATCHERS, key)) throw invalid(`invalid filter '${key}'`);
  return networks.filter((network) =>
    Object.entries(filters).every(([key, values]) => {
      const matches = (value: string) => (MATCHERS[key] as Matcher)(network, value);
      return values.length === 0 || (key === "label" ? values.every(matches) : values.some(matches));
    }),
  );
}

function matchesType({ name }: Network, value: string): boolean {
  if (value !== "builtin" && value !== "custom") throw invalid(`invalid filter: 'type'='${value}'`);
  return isPredefined(name) === (value === "builtin");
}

function matchesLabel({ labels }: Network, value: string): boolean {
  const [key = "", wanted] = value.split(/=(.*)/s);
  return Object.hasOwn(labels, key) && (wanted === undefined || labels[key] === wanted);
}

function isDangling({ name, endpoints }: Network): boolean {
  return !isPredefined(name) && endpoints.length === 0;
}

function isTrue(value: string): boolean {
  if (/^(1|true)$/i.test(value)) return true;
  if (/^(0|false)$/i.test(value)) return false;
  throw invalid(`invalid filter 'dangling=[${value}]'`);
}
