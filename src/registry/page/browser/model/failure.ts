export type Failure =
  | { kind: "answer"; status: number; code: string; message: string }
  | { kind: "unreachable" }
  | { kind: "foreign-realm"; realm: string }
  | { kind: "not-signed-in" }
  | { kind: "too-large"; limit: number }
  | { kind: "broken"; what: string };

export interface Advice {
  title: string;
  /** What to do next. */
  advice: string;
}

/** What went wrong and what helps, in words for the one who looks at the page. */
export function adviceFor(failure: Failure): Advice {
  switch (failure.kind) {
    case "unreachable":
      return {
        title: "The registry does not answer",
        advice: "Check that it runs and that this machine reaches it, then try again.",
      };
    case "foreign-realm":
      return {
        title: "Sign-in is on another host",
        advice: `This registry issues its tokens at ${failure.realm}. This page talks to its own host only, so it cannot sign in there. Use \`docker login\` and the command line, or serve the token service under this host.`,
      };
    case "not-signed-in":
      return {
        title: "Not signed in",
        advice: "This registry shows its content to signed-in users. Try again to sign in.",
      };
    case "too-large":
      return {
        title: "Too large to show",
        advice: `The document has more than ${failure.limit / 1_000_000} MB, which no tool would accept. Look at it with \`curl\`, or delete it.`,
      };
    case "broken":
      return { title: "This cannot be read", advice: `${failure.what} Push it again if it should be an image.` };
    case "answer":
      return adviceForAnswer(failure);
  }
}

const NO_IMAGE = { title: "No such image", advice: "The tag or digest was deleted, or never pushed here." };
const NOT_OFFERED = {
  title: "Not offered",
  advice:
    "This registry has no such list. A repository can be looked at all the same: put its name behind the #/ of the address.",
};
const MISSING: Record<string, Advice | undefined> = {
  NAME_UNKNOWN: {
    title: "No such repository",
    advice: "It was deleted, or never pushed. Check the name for a typing error.",
  },
  MANIFEST_UNKNOWN: NO_IMAGE,
  BLOB_UNKNOWN: NO_IMAGE,
};

function adviceForAnswer({ status, code, message }: { status: number; code: string; message: string }): Advice {
  if (status === 401) return { title: "Not signed in", advice: "Reload the page and give a user name and password." };
  if (status === 403) {
    return {
      title: "Not allowed",
      advice: "Your account may not do this. Ask the one who runs this registry for the right.",
    };
  }
  const missing = MISSING[code] ?? (status === 404 ? NOT_OFFERED : undefined);
  if (missing !== undefined) return missing;
  if (status === 405 || code === "UNSUPPORTED") {
    return {
      title: "Switched off",
      advice: "This registry does not allow it. Deleting must be enabled where it is started.",
    };
  }
  if (status === 429) return { title: "Too many requests", advice: "Wait a minute, then try again." };
  const said = message === "" ? "" : ` It says: ${message}`;
  return { title: `The registry answered ${status}`, advice: `Its log tells more; then try again.${said}` };
}
