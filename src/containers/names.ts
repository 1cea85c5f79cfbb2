import { randomInt } from "node:crypto";
import { invalid } from "../base/errors.ts";

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;
/** Enough for every file system and DNS label chain; Docker has no limit of its own. */
const MAX_NAME_LENGTH = 1024;
const PLAIN_TRIES = 6;

const ADJECTIVES =
  "amber bold brave brisk calm clever cosy eager early fair fleet fond gentle glad golden happy hardy honest jolly keen kind lively loyal lucid mellow merry mighty neat nimble noble patient plucky proud quick quiet ready rosy serene sharp silver sleek smart snug solid spry steady sunny swift tidy vivid warm wise witty".split(
    " ",
  );
/** Parts and crew of a harbour. */
const NOUNS =
  "anchor barge beacon berth boom bosun bow buoy cable capstan cargo clipper compass crane davit deck derrick dinghy dock ferry fender galley gantry hatch hawser helm hoist hold hull jetty keel ketch kite ladder lantern lock lugger mast mooring oar pallet pier pilot port pulley quay rigger rudder sail schooner sextant sloop spar stern tender tiller tug winch yawl".split(
    " ",
  );

/** The name without its leading slash. Throws invalid-argument with Docker's text. */
export function parseName(name: string): string {
  const bare = name.startsWith("/") ? name.slice(1) : name;
  if (!NAME.test(bare) || bare.length > MAX_NAME_LENGTH) {
    throw invalid(`Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`);
  }
  return bare;
}

/** `adjective_noun`, with digits behind it once several were taken. */
export function generateName(isTaken: (name: string) => boolean, pick: (max: number) => number = randomInt): string {
  for (let attempt = 0; ; attempt++) {
    const name = `${ADJECTIVES[pick(ADJECTIVES.length)]}_${NOUNS[pick(NOUNS.length)]}`;
    const candidate = attempt < PLAIN_TRIES ? name : `${name}${pick(10 ** Math.min(attempt - PLAIN_TRIES + 1, 9))}`;
    if (!isTaken(candidate)) return candidate;
  }
}
