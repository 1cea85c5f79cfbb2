import { invalid } from "../../../base/errors.ts";

const MAX_METHODS = 256;
const MAX_ID_CHARACTERS = 256;

/** What a client says of its session before it begins. */
export interface SessionHello {
  id: string;
  sharedKey: string;
  /** Full names of the methods that the client serves, as it said; lower case. */
  methods: string[];
}

/** `value` gives a header's values, joined by commas where it came more than once. Throws invalid-argument. */
export function decodeHello(value: (name: string) => string | undefined): SessionHello {
  const id = value("x-docker-expose-session-uuid") ?? "";
  if (id === "" || id.length > MAX_ID_CHARACTERS) throw invalid("a session needs an X-Docker-Expose-Session-Uuid");
  const methods = (value("x-docker-expose-session-grpc-method") ?? "")
    .split(",")
    .map((one) => one.trim().toLowerCase());
  if (methods.length > MAX_METHODS) throw invalid("the session names too many methods");
  return { id, sharedKey: value("x-docker-expose-session-sharedkey") ?? "", methods: methods.filter(Boolean) };
}
