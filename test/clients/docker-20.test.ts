import { EVERYTHING } from "./suite/all.ts";
import { describeClient } from "./suite/context.ts";

/** The command line of Debian 12, API 1.41. */
describeClient("docker 20.10", ["/usr/bin/docker"], EVERYTHING);
