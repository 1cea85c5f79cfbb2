import { messageOf } from "../../base/errors.ts";
import type { Command } from "../command.ts";
import { HUB_KEY, keyOfServer } from "./registry-key.ts";

export const command: Command = {
  usage: "[SERVER]",
  short: "Log out from a registry.\nDefaults to Docker Hub if no server is specified.",
  aliases: ["logout"],
  flags: [],
  arity: { min: 0, max: 1 },
  examples: [["logout registry.example.com", "Forget name and password for this registry"]],
  async run(context, flags) {
    const key = keyOfServer(flags.arguments[0] ?? "");
    await context.io.out(`Removing login credentials for ${key}\n`);
    // Older versions kept accounts under addresses.
    const keys = key === HUB_KEY ? [key] : [key, `http://${key}`, `https://${key}`];
    const credentials = await context.credentials();
    const failures: string[] = [];
    for (const one of keys) {
      try {
        await credentials.erase(one);
      } catch (error) {
        failures.push(`${one}: ${messageOf(error)}`);
      }
    }
    if (failures.length < keys.length) return 0;
    await context.io.err(`WARNING: could not erase credentials:\n${failures.join("\n")}\n`);
    return 0;
  },
};
