import { expect, test } from "bun:test";
import { parsePlatformSpecifier } from "../formats/oci/platform.ts";
import { checkPlatform } from "./image-platform.ts";

const HOST = { os: "linux", architecture: "amd64", variant: "v3" };

function check(asked: string, image: string): string {
  const [os = "", architecture = "", variant] = image.split("/");
  const platform = asked === "" ? {} : { platform: parsePlatformSpecifier(asked) };
  try {
    const found = { os, architecture, ...(variant === undefined ? {} : { variant }) };
    return checkPlatform({ image: "busybox", ...platform }, found, HOST).join() || "fine";
  } catch (error) {
    return (error as Error).message;
  }
}

test.each([
  ["", "linux/amd64", "fine"],
  ["", "linux/amd64/v2", "fine"],
  ["", "linux/386", "fine"],
  ["linux/amd64", "linux/amd64", "fine"],
  ["amd64", "linux/amd64", "fine"],
  ["linux/arm64", "linux/arm64/v8", "fine"],
  ["linux/aarch64", "linux/arm64", "fine"],
  ["linux/arm/v7", "linux/arm/v6", "fine"],
  [
    "linux/arm64",
    "linux/amd64",
    "image with reference busybox was found but its platform (linux/amd64) does not match the specified platform (linux/arm64)",
  ],
  [
    "linux/arm/v6",
    "linux/arm/v7",
    "image with reference busybox was found but its platform (linux/arm/v7) does not match the specified platform (linux/arm/v6)",
  ],
  [
    "",
    "linux/arm64",
    "The requested image's platform (linux/arm64) does not match the detected host platform (linux/amd64/v3) and no specific platform was requested",
  ],
  [
    "",
    "linux/amd64/v4",
    "The requested image's platform (linux/amd64/v4) does not match the detected host platform (linux/amd64/v3) and no specific platform was requested",
  ],
])("asked for %p of an image for %s: %s", (asked, image, expected) => expect(check(asked, image)).toBe(expected));
