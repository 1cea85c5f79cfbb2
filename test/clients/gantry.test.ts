import { GANTRY } from "../harness/daemon.ts";
import { EVERYTHING } from "./suite/all.ts";
import { describeClient } from "./suite/context.ts";

/** Our own command line, held to the same. */
describeClient("gantry", GANTRY, EVERYTHING);
