import { excerpt } from "../excerpt.ts";
import type { CheckFinding } from "./run-checks.ts";

/**
 * What `docker build --check` prints: how many there are, and each with its place in the file. Ends in a line feed.
 * @see buildx commands/build.go `printResult`; BuildKit frontend/subrequests/lint
 */
export function printFindings(findings: CheckFinding[]): string {
  if (findings.length === 0) return "Check complete, no warnings found.\n";
  const count = findings.length === 1 ? "1 warning has been found!" : `${findings.length} warnings have been found!`;
  return `Check complete, ${count}\n${[...findings].sort(byPlace).map(printFinding).join("")}`;
}

/** One finding, after an empty line. */
export function printFinding(finding: CheckFinding): string {
  const link = finding.url === "" ? "" : ` - ${finding.url}`;
  return `\nWARNING: ${finding.rule}${link}\n${finding.message}\n${excerpt(finding)}`;
}

/** One line, as the end of a build lists what was found. @see BuildKit frontend/dockerfile/linter/linter.go `LintFormatShort` */
export function shortFinding({ rule, message, locations }: CheckFinding): string {
  const line = locations[0]?.startLine ?? 0;
  return `${rule}: ${message}${line > 0 ? ` (line ${line})` : ""}`;
}

function byPlace(a: CheckFinding, b: CheckFinding): number {
  if (a.fileName !== b.fileName) return a.fileName < b.fileName ? -1 : 1;
  return (a.locations[0]?.startLine ?? 0) - (b.locations[0]?.startLine ?? 0);
}
