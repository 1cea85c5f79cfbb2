/** Ours; the daemon reports its own. */
export const CLIENT_VERSION = "0.1.0";
