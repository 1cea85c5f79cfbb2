/** One scheme that a server offers. `parameters` have lower-case names. @see RFC 9110 §11.3 */
export interface Challenge {
  scheme: string;
  parameters: Record<string, string>;
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+/;
const MAX_HEADER_CHARACTERS = 16 * 1024;

/** Parses `WWW-Authenticate`, also several challenges in one header. What is no challenge is passed over. Linear. */
export function parseChallenges(header: string): Challenge[] {
  const challenges: Challenge[] = [];
  let rest = header.slice(0, MAX_HEADER_CHARACTERS);
  const take = (pattern: RegExp): string | undefined => {
    const found = pattern.exec(rest)?.[0];
    if (found !== undefined) rest = rest.slice(found.length);
    return found;
  };
  for (;;) {
    take(/^[\s,]+/);
    const word = take(TOKEN);
    if (word === undefined) return challenges;
    if (take(/^\s*=\s*/) === undefined) {
      challenges.push({ scheme: word.toLowerCase(), parameters: Object.create(null) as Record<string, string> });
      continue;
    }
    const value = takeQuoted() ?? take(/^[^\s,]*/) ?? "";
    const current = challenges.at(-1);
    if (current !== undefined) current.parameters[word.toLowerCase()] ??= value;
  }

  function takeQuoted(): string | undefined {
    const quoted = take(/^"(?:[^"\\]|\\.)*"/);
    return quoted?.slice(1, -1).replaceAll(/\\(.)/g, "$1");
  }
}
