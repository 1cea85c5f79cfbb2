import type { Command } from "../command.ts";
import { LIST, STRING } from "../flags/flag-types.ts";
import { showProgress } from "../progress/progress-display.ts";
import { openArchive, sendArchive } from "./send-archive.ts";

export const command: Command = {
  usage: "[OPTIONS] file|URL|- [REPOSITORY[:TAG]]",
  short: "Import the contents from a tarball to create a filesystem image",
  aliases: ["image import", "import"],
  flags: [
    { name: "change", short: "c", type: LIST, usage: "Apply Dockerfile instruction to the created image" },
    { name: "message", short: "m", type: STRING, usage: "Set commit message for imported image" },
    { name: "platform", type: STRING, usage: "Set platform if server is multi-platform capable" },
  ],
  arity: { min: 1, max: 2 },
  examples: [["import rootfs.tar.gz base:1", "An image from the archive of a root file system"]],
  async run(context, flags) {
    const [source = "", repository = ""] = flags.arguments;
    const remote = /^https?:\/\//.test(source);
    let body: AsyncIterable<Uint8Array> | undefined;
    if (source === "-") body = context.io.stdin();
    else if (!remote) body = await openArchive(source);
    const query = {
      fromSrc: remote ? source : "-",
      repo: repository,
      message: flags.string("message"),
      changes: flags.list("change"),
      platform: flags.string("platform"),
    };
    if (body !== undefined) {
      await sendArchive(context, { path: "/images/create", query, archive: source, body, quiet: false });
      return 0;
    }
    const transport = await context.connect();
    const answer = await transport.call("POST", "/images/create", { query });
    await showProgress(context, answer.stream(), { quiet: false, toStderr: false });
    return 0;
  },
};
