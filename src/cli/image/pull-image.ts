import type { CliContext } from "../command.ts";
import { showProgress } from "../progress/progress-lines.ts";
import { splitReference } from "./split-reference.ts";

/** Asks the daemon to pull; its progress goes to standard output, or standard error within `run`. */
export async function pullImage(
  context: CliContext,
  image: string,
  options: { quiet: boolean; platform: string; toStderr: boolean; allTags?: boolean },
): Promise<void> {
  const { repository, tag, digest } = splitReference(image);
  const transport = await context.connect();
  const query = {
    fromImage: repository,
    tag: options.allTags === true ? "" : (digest ?? tag ?? "latest"),
    platform: options.platform,
  };
  const answer = await transport.call("POST", "/images/create", { query, headers: { "X-Registry-Auth": "e30=" } });
  await showProgress(context, answer.stream(), options);
}
