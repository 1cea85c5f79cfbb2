import { absolutePath } from "../absolute-path.ts";

/** `-v` values apart: those with a source stay bind strings, a bare path asks for an anonymous volume there. */
export function splitVolumes(specs: readonly string[], workingDir: string): { binds: string[]; anonymous: string[] } {
  const binds: string[] = [];
  const anonymous: string[] = [];
  for (const spec of new Set(specs)) {
    if (spec === "") throw new Error("invalid empty volume spec");
    const colon = spec.indexOf(":");
    if (colon < 0) {
      anonymous.push(spec);
      continue;
    }
    const [source, rest] = [spec.slice(0, colon), spec.slice(colon + 1)];
    if (source === "" || rest === "") throw new Error(`invalid spec: ${spec}: empty section between colons`);
    // A source that starts with a dot is a path; any other relative one is a volume's name.
    binds.push(`${source.startsWith(".") ? absolutePath(workingDir, source) : source}:${rest}`);
  }
  return { binds, anonymous };
}
