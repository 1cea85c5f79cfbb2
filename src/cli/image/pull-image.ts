import { splitReference } from "../../wire/split-reference.ts";
import type { CliContext } from "../command.ts";
import { callForRegistry } from "../credentials/call-for-registry.ts";
import { keyOfImage, registryOf } from "../credentials/registry-key.ts";
import { openProgressDisplay, type ProgressDisplay } from "../progress/progress-display.ts";

export interface PullOptions {
  platform: string;
  allTags?: boolean;
}

/** Asks the daemon to pull, with the account that the user has for the registry. `title` tells several pulls apart. */
export async function pullInto(
  display: ProgressDisplay,
  context: CliContext,
  image: string,
  options: PullOptions & { title: string },
): Promise<void> {
  const { repository, tag, digest } = splitReference(image);
  const key = keyOfImage(image);
  // Without a tag it is all of them.
  const wanted = options.allTags === true ? "" : (digest ?? tag ?? "latest");
  const query = { fromImage: repository, tag: wanted, platform: options.platform };
  const answer = await callForRegistry(context, { method: "POST", path: "/images/create", key, query });
  await display.show(answer.stream(), { title: options.title, registry: registryOf(key) });
}

/** One pull; within `run` all it tells goes to standard error. */
export async function pullImage(
  context: CliContext,
  image: string,
  options: PullOptions & { quiet: boolean; toStderr: boolean },
): Promise<void> {
  const output = options.toStderr ? "err" : "out";
  const display = await openProgressDisplay(context, { quiet: options.quiet, lines: output, area: output });
  try {
    await pullInto(display, context, image, { ...options, title: "" });
  } finally {
    await display.end();
  }
}
