/** Bounded, so that no text takes long. Account and password before the host of a URL, wherever in a text it stands. */
const USER_INFO = /([a-z][a-z0-9+.-]{0,30}:\/\/)[^/?#\s@]*(?:@[^/?#\s@]*)*@/gi;
/** Parameters of a URL that open doors: tokens, and signatures of stores. */
const SECRET_PARAMETER =
  /([?&](?:[a-z_-]{0,40}(?:token|password|passwd|secret|signature|credential)[a-z_-]{0,40}|sig|key|auth)=)[^&#\s]*/gi;

/** A text whose URLs have lost what must not be published. @see CVE-2023-26054. Pure. */
export function withoutCredentials(text: string): string {
  return text.replace(USER_INFO, "$1").replace(SECRET_PARAMETER, "$1xxxxx");
}
