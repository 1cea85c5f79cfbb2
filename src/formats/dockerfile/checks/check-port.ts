import type { Location } from "../instructions.ts";
import type { Found } from "./check-input.ts";

/** One port of EXPOSE, after its variables were replaced. @see BuildKit dockerfile2llb/convert_expose.go */
export function checkPort(written: string, location: Location): Found[] {
  const found: Found[] = [];
  const protocol = written.slice(written.lastIndexOf(":") + 1).split("/")[1] ?? "";
  if (protocol !== protocol.toLowerCase())
    found.push({
      rule: "ExposeProtoCasing",
      message: `Defined protocol '${written}' in EXPOSE instruction should be lowercase`,
      location,
    });
  if (written.includes(":"))
    found.push({
      rule: "ExposeInvalidFormat",
      message: `EXPOSE instruction should not define an IP address or host-port mapping, found '${written}'`,
      location,
    });
  return found;
}
