import type { WireProgress } from "../../wire/progress.ts";
import { printable } from "../printable.ts";

/** A line of a progress stream as text; "" for one that only counts bytes. `title`: of one stream among several. Pure. */
export function progressText(line: WireProgress, title = ""): string {
  if (line.stream !== undefined) return line.stream;
  if (line.status === undefined || (line.progressDetail?.current ?? 0) > 0) return "";
  const subject = line.id === undefined || line.id === "" ? line.status : `${line.id}: ${line.status}`;
  // "latest: Pulling from library/a", "Digest: …" and "Status: …" of several images would not tell which one they mean.
  return printable(title === "" ? `${subject}\n` : `${title}: ${subject}\n`);
}

/** What Docker's daemon tells of a push beside the stream's text. @see moby api/types/auxprogress/push.go */
interface PushAux {
  manifestPushedInsteadOfIndex?: boolean;
  originalIndex?: { digest?: string };
  selectedManifest?: { digest?: string };
  contentMissing?: boolean;
}

/** A remark for standard error, or "". Pure. */
export function noteOf({ aux }: WireProgress): string {
  const { manifestPushedInsteadOfIndex, originalIndex, selectedManifest, contentMissing } = (aux ?? {}) as PushAux;
  if (manifestPushedInsteadOfIndex === true) {
    return (
      "\n Info -> Not all multiplatform-content is present and only the available single-platform image was pushed\n" +
      `         ${originalIndex?.digest ?? ""} -> ${selectedManifest?.digest ?? ""}\n`
    );
  }
  if (contentMissing === true) {
    return (
      "\n Info -> You're trying to push a manifest list/index which references multiple platform specific manifests, but not all of " +
      "them are available locally\n         or available to the remote repository.\n" +
      "         Make sure you have all the referenced content and try again.\n"
    );
  }
  return "";
}
