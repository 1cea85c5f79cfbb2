import { EngineError, invalid, isKind, messageOf } from "../base/errors.ts";
import type { Core } from "./core.ts";
import { parseName } from "./names.ts";
import { encodeDefinition } from "./record.ts";

/** `docker rename`. The record is written before the old name is free. */
export async function renameContainer(core: Core, reference: string, given: string): Promise<void> {
  const { index, deps, queue } = core;
  if (given === "" || given === "/") throw invalid("Neither old nor new names may be empty");
  const entry = index.find(reference);
  const name = parseName(given);
  await queue.run(entry.id, async () => {
    const { definition } = entry;
    const oldName = definition.spec.name;
    if (oldName === name) throw invalid("Renaming a container with the same name as its current name");
    try {
      index.reserve(name, entry.id);
    } catch (error) {
      if (!isKind(error, "conflict")) throw error;
      throw new EngineError("conflict", `Error when allocating new name: ${messageOf(error)}`, { cause: error });
    }
    const renamed = { ...definition, spec: { ...definition.spec, name } };
    try {
      deps.records.updateDefinition(entry.id, encodeDefinition(renamed));
    } catch (error) {
      index.release(name, entry.id);
      throw error;
    }
    entry.definition = renamed;
    index.release(oldName, entry.id);
    core.publish(entry, "rename", { oldName: `/${oldName}` });
  });
}
