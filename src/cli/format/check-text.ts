import type { WireCheckReport } from "../../wire/system.ts";
import { humanSize } from "./units.ts";

/** A line for each problem, and one for all. Pure. */
export function checkText({ Problems, Blobs, BlobBytes, Layers, Images }: WireCheckReport): string {
  const lines = Problems.map(({ Kind, Object: object, Fault, Repaired, Remedy }) => {
    const remedy = Remedy === undefined ? "" : ` (${Repaired ? "repaired" : "not repaired"}: ${Remedy})`;
    return `${Kind}: ${object} ${Fault}${remedy}\n`;
  });
  const left = Problems.filter(({ Repaired }) => !Repaired).length;
  const repaired = Problems.length - left;
  const count = (number: number, noun: string) => `${number} ${noun}${number === 1 ? "" : "s"}`;
  const verdict = [
    left === 0 ? "no problem is left" : count(left, "problem"),
    ...(repaired > 0 ? [`${repaired} repaired`] : []),
  ].join(", ");
  const checked = [
    count(Images, "image"),
    count(Layers, "layer"),
    `${count(Blobs, "blob")} of ${humanSize(BlobBytes)}`,
  ];
  return `${lines.join("")}Checked ${checked.join(", ")}: ${Problems.length === 0 ? "all is well" : verdict}\n`;
}
