import { load, openFixture } from "./fixture.ts";

/** `bun load-child.ts <store> <archive>`: loads once, for tests that kill it meanwhile. */
const [root = "", archive = ""] = process.argv.slice(2);
const { images } = await openFixture(root);
await load(images, Bun.file(archive).stream());
process.exit(0);
