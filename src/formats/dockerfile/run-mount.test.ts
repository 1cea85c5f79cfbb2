import { expect, test } from "bun:test";
import type { RunMount } from "./instructions.ts";
import { checkRunMount, parseRunMount } from "./run-mount.ts";

const DEFAULTS: RunMount = {
  type: "bind",
  target: "",
  source: "",
  from: "",
  readOnly: true,
  id: "",
  sharing: "shared",
  required: false,
  env: undefined,
  sizeBytes: undefined,
  mode: undefined,
  uid: undefined,
  gid: undefined,
};

const expand = (word: string) => word.replaceAll("$T", "/expanded").replaceAll("$N", "7");

test.each<[string, Partial<RunMount>]>([
  ["target=/x", { target: "/x" }],
  ["type=bind,source=a,target=/x", { source: "a", target: "/x" }],
  ["TYPE=Bind,SRC=a,DST=/x", { source: "a", target: "/x" }],
  ["src=a,destination=/x,from=base", { source: "a", target: "/x", from: "base" }],
  ["target=/x,rw", { target: "/x", readOnly: false }],
  ["target=/x,readwrite", { target: "/x", readOnly: false }],
  ["target=/x,rw=true", { target: "/x", readOnly: false }],
  ["target=/x,rw=false", { target: "/x", readOnly: true }],
  ["target=/x,ro=0", { target: "/x", readOnly: false }],
  ["target=/x,readonly=T", { target: "/x" }],
  ["target=/x,rw,ro", { target: "/x" }],
  ['"target=/x,y","source=a ""b"""', { target: "/x,y", source: 'a "b"' }],
  ["target=$T", { target: "/expanded" }],
  ["target=a=b", { target: "a=b" }],
  ["type=cache,target=/c", { type: "cache", target: "/c", readOnly: false }],
  ["type=cache,target=/c,ro", { type: "cache", target: "/c" }],
  [
    "type=cache,target=/c,id=i,sharing=Locked",
    { type: "cache", target: "/c", id: "i", sharing: "locked", readOnly: false },
  ],
  [
    "type=cache,target=/c,mode=0700,uid=1,gid=$N",
    { type: "cache", target: "/c", mode: 0o700, uid: 1, gid: 7, readOnly: false },
  ],
  ["type=cache,target=/c,from=s,source=d", { type: "cache", target: "/c", from: "s", source: "d", readOnly: false }],
  ["type=cache,target=/c,sharing=private", { type: "cache", target: "/c", sharing: "private", readOnly: false }],
  ["type=tmpfs,target=/t", { type: "tmpfs", target: "/t", readOnly: false }],
  ["type=tmpfs,target=/t,size=1.5m", { type: "tmpfs", target: "/t", sizeBytes: 1572864, readOnly: false }],
  ["type=tmpfs,target=/t,size=100", { type: "tmpfs", target: "/t", sizeBytes: 100, readOnly: false }],
  ["type=secret,id=token", { type: "secret", id: "token" }],
  ["type=secret,id=token,required", { type: "secret", id: "token", required: true }],
  ["type=secret,id=token,required=false", { type: "secret", id: "token" }],
  ["type=secret,id=token,env=TOKEN", { type: "secret", id: "token", env: "TOKEN" }],
  [
    "type=secret,source=s,target=/s,mode=444,uid=5,gid=6",
    { type: "secret", source: "s", target: "/s", mode: 0o444, uid: 5, gid: 6 },
  ],
  ["type=secret,target=/s", { type: "secret", target: "/s" }],
  ["type=ssh", { type: "ssh" }],
  ["type=ssh,id=key,required=1,mode=600", { type: "ssh", id: "key", required: true, mode: 0o600 }],
])("%s", (written, expected) => {
  expect(parseRunMount(written, expand)).toEqual({ ...DEFAULTS, ...expected });
});

test.each([
  ["type=bnd", 'unsupported mount type "bnd" (did you mean bind?)'],
  ["type=volume", 'unsupported mount type "volume"'],
  ["type=cache,sharing=lock", 'unsupported sharing value "lock" (did you mean locked?)'],
  ["target", "invalid field 'target' must be a key=value pair"],
  ["", "invalid field '' must be a key=value pair"],
  ["targt=/x", "unexpected key 'targt' in 'targt=/x' (did you mean target?)"],
  ["colour=red", "unexpected key 'colour' in 'colour=red'"],
  ["ro=perhaps", "invalid value for ro: perhaps"],
  ["rw=", "invalid value for rw: "],
  ["type=cache,required", "unexpected key 'required' for mount type 'cache'"],
  ["required=true,type=secret", "unexpected key 'required' for mount type 'bind'"],
  ["type=secret,id=a,required=x", "invalid value for required: x"],
  ["type=cache,size=1", "unexpected key 'size' for mount type 'cache'"],
  ["type=tmpfs,size=big", "invalid value for size: big"],
  ["type=bind,mode=700", 'mode not allowed for "bind" type mounts'],
  ["type=tmpfs,uid=1", 'uid not allowed for "tmpfs" type mounts'],
  ["gid=1", 'gid not allowed for "bind" type mounts'],
  ["type=cache,mode=8", "invalid value 8 for mode"],
  ["type=cache,mode=77777777777777", "invalid value 77777777777777 for mode"],
  ["type=cache,uid=-1", "invalid value -1 for uid"],
  ["type=cache,uid=4294967296", "invalid value 4294967296 for uid"],
  ["type=cache,gid=x", "invalid value x for gid"],
  ["type=secret", "invalid secret mount. one of source, target required"],
  ["type=secret,id=a,source=b", "both source and id can't be set"],
  ["type=secret,id=a,from=b", "secret mount should not have a from"],
  ["type=secret,id=a,sharing=shared", "secret mount should not define sharing"],
  ["type=bind,sharing=shared", "invalid cache sharing set for bind mount"],
  ["from=$STAGE,target=/x", "'from' doesn't support variable expansion, define alias stage instead"],
  ['a"b', "failed to parse csv mounts: parse error on line 1, column 2"],
  ['"a', "failed to parse csv mounts: parse error on line 1, column 1"],
])("%s: %s", (written, message) => {
  expect(() => parseRunMount(written, expand)).toThrow(message);
});

test("before variables are known, only the form and `from` can be told", () => {
  checkRunMount("type=$T,target=$X,colour=red");
  checkRunMount("from=a$,target=/x");
  expect(() => checkRunMount("target=/x,FROM=${A}")).toThrow("'from' doesn't support variable expansion");
  expect(() => checkRunMount('"x')).toThrow("failed to parse csv mounts");
});
