import { buildSuite } from "./suite/build.ts";
import { describeClient } from "./suite/context.ts";

/** `docker build` of both command lines that are here, by each protocol that they speak. */
describeClient(
  "docker 20.10",
  ["/usr/bin/docker"],
  [buildSuite("classic", { DOCKER_BUILDKIT: "0" }), buildSuite("buildkit", { DOCKER_BUILDKIT: "1" })],
);

/** Without buildx it falls back, with a warning. */
describeClient("docker 28 without buildx", ["/usr/local/bin/docker"], [buildSuite("classic", {})]);
