import { EVERYTHING } from "./suite/all.ts";
import { describeClient } from "./suite/context.ts";

/** Docker's own current command line. It is not in Debian: skipped where it is not installed. */
describeClient("docker 28", ["/usr/local/bin/docker"], EVERYTHING);
