import { expect, test } from "bun:test";
import { ClientError, ConnectionError } from "../client/errors.ts";
import { adviceOn } from "./advice.ts";
import { ReportedError } from "./reported-error.ts";

test.each([
  [
    "pull access denied for h.io:5000/team/x, repository does not exist or may require 'docker login': denied",
    "gantry login h.io:5000",
  ],
  ["pull access denied for busybox, repository does not exist or may require 'docker login': denied", /gantry login$/],
  ["pull access denied for joe/app, repository does not exist or may require 'docker login': denied", /gantry login$/],
  ['Get "https://h:5000/v2/": unauthorized: authentication required', "gantry login h:5000"],
  ['Head "https://registry-1.docker.io/v2/library/x/manifests/1": no basic auth credentials', /gantry login$/],
  ['Get "https://nowhere.example/v2/": dial tcp: lookup nowhere.example: no such host', "name nowhere.example right?"],
  ["dial tcp: lookup nowhere.example on 1.1.1.1:53: no such host", "name nowhere.example right?"],
  [
    'Get "https://h:5000/v2/": x509: certificate signed by unknown authority',
    "/etc/docker/certs.d/h:5000/ca.crt, or, if you trust the network, start the daemon with --insecure-registry h:5000",
  ],
  ['Get "https://h:5000/v2/": self signed certificate in certificate chain', "certs.d/h:5000/"],
  ['Get "https://h:5000/v2/": http: server gave HTTP response to HTTPS client', "--insecure-registry h:5000"],
  ["toomanyrequests: You have reached your pull rate limit", "raises the limit on most: gantry login"],
  ['Get "https://h:5000/v2/": dial tcp 127.0.0.1:5000: connect: connection refused', "Nothing answers at h:5000"],
  [
    "failed to read dockerfile: open sub/Dockerfile: no such file or directory",
    "gantry build -f PATH/sub/Dockerfile .",
  ],
  ["failed to solve: secret token: not found", "--secret id=token,src=FILE"],
  ['failed to solve: no SSH key "git" forwarded from the client', "--ssh git"],
  ['failed to compute cache key: "/missing": not found', ".dockerignore"],
  ["write /x: no space left on device", "gantry builder prune"],
  ['process "make" did not complete successfully: exit code: 137', "memory ran out"],
])("%s", (message, expected) => {
  for (const error of [new ClientError(500, message), new Error(message)]) {
    expect(adviceOn(error, "gantry")).toMatch(
      expected instanceof RegExp ? expected : new RegExp(RegExp.escape(expected)),
    );
  }
});

test("where an error names no registry, the one that was talked to is meant", () => {
  const advice = (registry: string) => adviceOn(new ReportedError("no basic auth credentials", registry), "gantry");
  expect(advice("h:5000")).toBe("If you have an account there: gantry login h:5000");
  expect(advice("")).toBe("If you have an account there: gantry login");
});

test("what it knows nothing of has no advice", () => {
  expect(adviceOn(new ClientError(409, "Conflict"), "gantry")).toBe("");
  expect(adviceOn(undefined, "gantry")).toBe("");
  expect(adviceOn(new Error("connection refused"), "gantry")).toBe("");
});

test("a daemon that cannot be reached, and an image that is not here", () => {
  expect(adviceOn(new ConnectionError("unix:///x", "EACCES"), "gantry")).toContain("Use sudo");
  expect(adviceOn(new ConnectionError("unix:///x", "ENOENT"), "gantry")).toContain("Start it with");
  expect(adviceOn(new ConnectionError("tcp://x:1", "refused"), "gantry")).toContain("DOCKER_HOST");
  expect(adviceOn(new ClientError(404, "No such image: x"), "docker")).toContain("'docker images'");
});
