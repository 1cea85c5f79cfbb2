/** Who is asking; at most one of the three secrets is there. */
export interface Credentials {
  username: string;
  password: string;
  /** OAuth2 refresh token. */
  identityToken: string;
  /** Bearer token that is sent as it is. */
  registryToken: string;
}

export function basicAuthorization({ username, password }: Pick<Credentials, "username" | "password">): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}
