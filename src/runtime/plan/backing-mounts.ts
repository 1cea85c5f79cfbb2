import { at, type StagedOperation } from "./launch-plan.ts";
import type { BackingInput, ContainerPlanInput } from "./plan-input.ts";

/** Room beside the files' own pages, for what a container that may write to one of them adds. */
const SPARE_BYTES = 1024 * 1024;

/**
 * Mounts the backings before there is a root: in the child's copy of the host's mounts, which nobody else sees. The place itself is
 * the root of their operations meanwhile, so that nothing else can be named.
 */
export function backingMounts({ backings }: Pick<ContainerPlanInput, "backings">): StagedOperation[] {
  if (backings === undefined || backings.inputs.length === 0) return [];
  const { place, inputs } = backings;
  return [at("enter", "open-root", { path: place }), ...inputs.flatMap((backing) => backingMount(place, backing))];
}

function backingMount(place: string, backing: BackingInput): StagedOperation[] {
  const { name } = backing;
  if (backing.kind === "overlay") {
    return [at("enter", "mount-overlay", { cwd: backing.cwd, target: `${place}/${name}`, data: backing.data })];
  }
  const options = ["mode=0700", `size=${backing.sizeBytes + SPARE_BYTES}`];
  const attributes = { noSuid: true, noDev: true, noExec: true };
  return [
    at("enter", "mount-fs", { fstype: "tmpfs", source: "tmpfs", target: `/${name}`, options, attributes }),
    ...backing.files.map(({ name: file, ...content }) =>
      at("enter", "make-file", { target: `/${name}/${file}`, ...content }),
    ),
  ];
}
