import { GANTRY_BIN } from "../harness/daemon.ts";
import { EVERYTHING } from "./suite/all.ts";
import { describeClient } from "./suite/context.ts";

/** Our own command line as it is installed, held to the same. */
describeClient("gantry", [GANTRY_BIN], EVERYTHING);
