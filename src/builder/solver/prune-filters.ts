import { invalid } from "../../base/errors.ts";
import { parseMoment } from "../../images/filters.ts";
import type { CacheRecord, PruneOptions } from "../builder.ts";

const TRUE = ["", "1", "true"];
const FALSE = ["0", "false"];

type Test = (record: CacheRecord) => boolean;

/**
 * Which records a prune may take, by Docker's filters; never what is in use. Without `all` what is shared or internal stays. Of
 * several values of a filter one has to match. Throws invalid-argument for a filter that there is not. Pure.
 * @see moby daemon/internal/builder-next/builder.go `toBuildkitPruneInfo`
 */
export function pruneTest({ filters, all }: Pick<PruneOptions, "filters" | "all">, now: Date): Test {
  const tests = Object.entries(filters).map(([name, values]) => {
    const any = (values.length === 0 ? [""] : values).map((value) => filterTest(name, value, now));
    return (record: CacheRecord) => any.some((test) => test(record));
  });
  return (record) => !record.inUse && (all || isOrdinary(record)) && tests.every((test) => test(record));
}

function isOrdinary({ shared, type }: CacheRecord): boolean {
  return !shared && type !== "internal" && type !== "frontend";
}

function filterTest(name: string, value: string, now: Date): Test {
  switch (name) {
    case "until":
    case "unused-for": {
      const latestMs = parseMoment(value, now).getTime();
      return ({ lastUsedAt, createdAt }) => (lastUsedAt ?? createdAt).getTime() <= latestMs;
    }
    case "id":
      return ({ id }) => id.startsWith(value);
    case "parents":
    case "parent":
      return ({ parents }) => parents.includes(value);
    case "type":
      return ({ type }) => type === value;
    case "description":
      return ({ description }) => description === value;
    case "inuse": {
      const wanted = parseFlag(name, value);
      return ({ inUse }) => inUse === wanted;
    }
    case "shared": {
      const wanted = parseFlag(name, value);
      return ({ shared }) => shared === wanted;
    }
    case "private": {
      const wanted = parseFlag(name, value);
      return ({ shared }) => shared !== wanted;
    }
    default:
      throw invalid(`invalid filter '${name}'`);
  }
}

function parseFlag(name: string, value: string): boolean {
  if (TRUE.includes(value.toLowerCase())) return true;
  if (FALSE.includes(value.toLowerCase())) return false;
  throw invalid(`invalid filter '${name}=${value}'`);
}
