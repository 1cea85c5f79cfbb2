import { imageOutput, openWorkshop, SCRATCH, solvedOf, targetOf } from "./workshop.ts";

/** `bun export-child.ts <store> <failpoint>`: exports two images under one name; the second time it dies at the failpoint. */
const [root = "", point = ""] = process.argv.slice(2);
let isArmed = false;
const shop = await openWorkshop(root, (name) => {
  if (isArmed && name === point) process.kill(process.pid, "SIGKILL");
});
await shop.export(solvedOf(targetOf(await shop.layer(SCRATCH, { file: "first" }))), [imageOutput(["app"])]);
isArmed = true;
const request = { attestations: { provenance: "max", sbom: true } as const };
const platforms = ["amd64", "arm64"].map(async (architecture) =>
  targetOf(await shop.layer(SCRATCH, { file: architecture }), { os: "linux", architecture }),
);
await shop.export(solvedOf(...(await Promise.all(platforms))), [imageOutput(["app"])], { request });
process.exit(0);
