import { open, rm } from "node:fs/promises";
import { EngineError } from "../../base/errors.ts";
import type { Digest } from "../../formats/oci/digest.ts";
import type { Blob, Expected, PartialIngest } from "./content.ts";
import type { Written } from "./content-store.ts";
import { writeAll } from "./write-all.ts";
import { startWriteBack } from "./write-back.ts";

interface PartialDeps {
  path: string;
  digest: Digest;
  publish: (written: Written, actual: Expected) => Promise<Blob>;
  onClose: () => void;
}

/** See `Partials.open`. */
export async function openPartial({ path, digest, publish, onClose }: PartialDeps): Promise<PartialIngest> {
  // Appends. What a crash of the machine left at its end may not be what was written: whoever verifies reads all of it.
  const file = await open(path, "a+", 0o600);
  let sizeBytes = (await file.stat()).size;
  const writeBack = startWriteBack(file);
  let closed = false;
  const close = async () => {
    if (closed) return;
    closed = true;
    await writeBack.settled();
    await file.close();
    onClose();
  };
  const discard = async () => {
    await close();
    await rm(path, { force: true });
  };
  return {
    path,
    get sizeBytes() {
      return sizeBytes;
    },
    async write(bytes) {
      await writeAll(file, [bytes]);
      sizeBytes += bytes.length;
      writeBack.written(bytes.length);
    },
    async commitVerified(actual) {
      if (actual.digest !== digest || actual.sizeBytes !== sizeBytes) {
        await discard();
        throw new EngineError("internal", `blob ${digest} was verified as ${actual.digest}`);
      }
      await writeBack.settled();
      return publish({ file, path, close }, actual);
    },
    suspend: close,
    discard,
  };
}
