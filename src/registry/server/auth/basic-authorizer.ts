import { DistributionError } from "../http/error-codes.ts";
import type { Authorizer } from "./access.ts";
import { basicCredentials } from "./basic-credentials.ts";
import type { Passwords } from "./htpasswd.ts";

/** Each user of the password file may do everything. */
export function createBasicAuthorizer(passwords: Passwords, realm: string): Authorizer {
  return {
    async authorize(request) {
      const given = basicCredentials(request);
      if (given !== undefined && (await passwords.verify(given.user, given.password))) return { user: given.user };
      const challenge = `Basic realm=${JSON.stringify(realm)}`;
      throw new DistributionError("UNAUTHORIZED", { headers: { "WWW-Authenticate": challenge } });
    },
  };
}
