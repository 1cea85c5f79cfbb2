/** Bounded, so that no text takes long. */
const HTTP_ACCOUNT = /(https?:\/\/)[^@/?#\s]{1,4096}@/gi;
const PASSWORD = /([a-z][a-z0-9+.-]{0,30}:\/\/[^@/:\s]{0,256}):[^@/\s]{1,4096}@/gi;

/**
 * A text that people, logs and the history of images get to see, with the URLs in it: of http no account is told, since a name alone
 * may be a token; of others no password. Pure.
 */
export function withoutPasswords(text: string): string {
  return text.replace(HTTP_ACCOUNT, "$1xxxxx@").replace(PASSWORD, "$1:xxxxx@");
}
