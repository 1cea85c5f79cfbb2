import { expect, test } from "bun:test";
import {
  parseAnnotation,
  parseAttestations,
  parseCache,
  parseOutput,
  parseResource,
  parseSecret,
  parseSsh,
} from "./parse-specs.ts";

const PLAIN = { push: false, names: undefined, attributes: {} };

test.each([
  ["out", { ...PLAIN, type: "local", destination: "out" }],
  ["-", { ...PLAIN, type: "tar", destination: "-" }],
  ["type=local,dest=out", { ...PLAIN, type: "local", destination: "out" }],
  ["type=tar", { ...PLAIN, type: "tar", destination: "-" }],
  ["type=docker", { ...PLAIN, type: "image", destination: "" }],
  ["type=docker,dest=i.tar", { ...PLAIN, type: "docker", destination: "i.tar" }],
  ["type=oci,dest=d,tar=false", { ...PLAIN, type: "oci", destination: "d", attributes: { tar: "false" } }],
  ["type=image,push=true", { ...PLAIN, type: "image", destination: "", push: true }],
  ["type=registry,name=h:5/a", { ...PLAIN, type: "image", destination: "", push: true, names: ["h:5/a"] }],
  [
    'type=image,"name=a,b",compression=zstd',
    { ...PLAIN, type: "image", destination: "", names: ["a", "b"], attributes: { compression: "zstd" } },
  ],
  ["type=cacheonly", { ...PLAIN, type: "none", destination: "" }],
])("output %s", (text, expected) => {
  expect(parseOutput(text)).toEqual(expected as ReturnType<typeof parseOutput>);
});

test.each([
  [() => parseOutput("dest=x"), "type is required for output"],
  [() => parseOutput("type=local"), "dest is required for local output"],
  [() => parseOutput("type=floppy"), 'unsupported output type "floppy"'],
  [() => parseOutput("type=image,push"), "invalid value push"],
  [() => parseCache("type=gha"), "not supported by this builder"],
  [() => parseCache("type=tape"), 'unknown cache type "tape"'],
  [() => parseCache("ref=x"), "type required"],
  [() => parseSecret("src=x", {}), "secret missing ID"],
  [() => parseSecret("id=x,mode=4", {}), "unexpected key 'mode' in 'mode=4'"],
  [() => parseSecret("id=x,type=ftp", {}), 'unsupported secret type "ftp"'],
  [() => parseAttestations(["mode=max"], "", ""), "attestation type not specified"],
  [() => parseAttestations(["type=vex"], "", ""), "unknown attestation type vex"],
  [() => parseAttestations([], "mode=some", ""), 'invalid mode "some"'],
  [() => parseAnnotation("key"), 'invalid annotation "key"'],
  [() => parseResource("disk=1"), 'invalid resource "disk=1"'],
])("what cannot be is refused: %#", (act, message) => {
  expect(act).toThrow(message);
});

test("caches", () => {
  expect(parseCache("user/app:cache")).toEqual({ Type: "registry", Attributes: { ref: "user/app:cache" } });
  expect(parseCache("type=local,dest=d,mode=max")).toEqual({ Type: "local", Attributes: { dest: "d", mode: "max" } });
});

test("a secret is a file, a variable, or whichever of them has its name", () => {
  const environment = { TOKEN: "t" };
  const source = (text: string) => parseSecret(text, environment).source;
  expect(source("id=a,src=f")).toEqual({ kind: "file", path: "f" });
  expect(source("id=a,source=f")).toEqual({ kind: "file", path: "f" });
  expect(source("id=a,env=V")).toEqual({ kind: "environment", name: "V" });
  expect(source("id=a,type=env,src=V")).toEqual({ kind: "environment", name: "V" });
  expect(source("id=TOKEN")).toEqual({ kind: "environment", name: "TOKEN" });
  expect(source("type=file,id=TOKEN")).toEqual({ kind: "file", path: "TOKEN" });
  expect(source("id=other")).toEqual({ kind: "file", path: "other" });
});

test("ssh", () => {
  expect(parseSsh("default")).toEqual({ id: "default", paths: [] });
  expect(parseSsh("git=/run/agent.sock")).toEqual({ id: "git", paths: ["/run/agent.sock"] });
  expect(parseSsh("k=a,b")).toEqual({ id: "k", paths: ["a", "b"] });
});

test("attestations: the last of a type counts", () => {
  const check = (attests: string[], provenance: string, sbom: string) => parseAttestations(attests, provenance, sbom);
  const none = { Provenance: "", ProvenanceVersion: "", BuilderId: "", Reproducible: false, Sbom: false };
  expect(check([], "", "")).toEqual(none);
  expect(check([], "true", "true")).toEqual({ ...none, Provenance: "min", Sbom: true });
  expect(check(["type=provenance,mode=min", "type=sbom"], "", "false")).toEqual({ ...none, Provenance: "min" });
  expect(check(["type=provenance,version=v1,builder-id=x"], "mode=min", "")).toEqual({ ...none, Provenance: "min" });
  expect(check(["type=provenance,mode=max,version=v1,builder-id=x,reproducible=true"], "", "")).toEqual({
    Provenance: "max",
    ProvenanceVersion: "v1",
    BuilderId: "x",
    Reproducible: true,
    Sbom: false,
  });
  expect(check(["type=provenance", "type=sbom"], "false", "")).toEqual({ ...none, Sbom: true });
});

test("annotations", () => {
  expect(parseAnnotation("a.b=c=d")).toEqual(["annotation.a.b", "c=d"]);
  expect(parseAnnotation("index:a=b")).toEqual(["annotation-index.a", "b"]);
  expect(parseAnnotation("manifest[linux/arm64]:a=b")).toEqual(["annotation-manifest[linux/arm64].a", "b"]);
});
