import { expect, test } from "bun:test";
import { applyChanges } from "./changes.ts";

test.each<[string[], object]>([
  [['CMD ["a", "b"]'], { Cmd: ["a", "b"] }],
  [["cmd a b"], { Cmd: ["/bin/sh", "-c", "a b"] }],
  [['ENTRYPOINT ["x"]'], { Entrypoint: ["x"] }],
  [["ENV A=1 B='two words'", "ENV A two"], { Env: ["B=two words", "A=two"] }],
  [["EXPOSE 80 53/udp"], { ExposedPorts: { "80/tcp": {}, "53/udp": {} } }],
  [['LABEL a="b c" d=e'], { Labels: { a: "b c", d: "e" } }],
  [["USER 1000:1000"], { User: "1000:1000" }],
  [['VOLUME ["/a b", "/c"]'], { Volumes: { "/a b": {}, "/c": {} } }],
  [["VOLUME /a /b"], { Volumes: { "/a": {}, "/b": {} } }],
  [["WORKDIR /a", "WORKDIR b"], { WorkingDir: "/a/b" }],
  [["ONBUILD RUN x"], { OnBuild: ["RUN x"] }],
  [["STOPSIGNAL SIGINT"], { StopSignal: "SIGINT" }],
  [
    ["HEALTHCHECK --interval=5s --retries=3 CMD curl x"],
    { Healthcheck: { Test: ["CMD-SHELL", "curl x"], Interval: 5e9, Retries: 3 } },
  ],
  [
    ['HEALTHCHECK --timeout=1m --start-period=2s --start-interval=100ms CMD ["x", "y"]'],
    { Healthcheck: { Test: ["CMD", "x", "y"], Timeout: 60e9, StartPeriod: 2e9, StartInterval: 1e8 } },
  ],
  [["HEALTHCHECK NONE"], { Healthcheck: { Test: ["NONE"] } }],
  [["ENV A=1 B=x", 'ENV C="$A-${B:-y}" A=2'], { Env: ["B=x", "C=1-x", "A=2"] }],
  [
    ["ENV A=/a", "WORKDIR $A/b", "LABEL at=$A", "VOLUME $A"],
    { Env: ["A=/a"], WorkingDir: "/a/b", Labels: { at: "/a" }, Volumes: { "/a": {} } },
  ],
  [["EXPOSE 8000-8001"], { ExposedPorts: { "8000/tcp": {}, "8001/tcp": {} } }],
  [["ENV A=1\nENV B=2 \\\n C=3"], { Env: ["A=1", "B=2", "C=3"] }],
  [["CMD echo $HOME"], { Cmd: ["/bin/sh", "-c", "echo $HOME"] }],
  [["ONBUILD COPY --from=a . /b"], { OnBuild: ["COPY --from=a . /b"] }],
  [[], {}],
])("%j", (changes, expected) => {
  expect(applyChanges(changes)).toEqual(expected);
});

test("the shell of the image is the one of the shell form", () => {
  expect(applyChanges(["CMD a b"], { Shell: ["/bin/bash", "-ec"] }).Cmd).toEqual(["/bin/bash", "-ec", "a b"]);
});

test("a new entrypoint drops the command of the old one, but not one that is given with it", () => {
  const base = { Entrypoint: ["old"], Cmd: ["of old"], Env: ["A=1"] };
  expect(applyChanges(['ENTRYPOINT ["new"]'], base)).toEqual({ Entrypoint: ["new"], Env: ["A=1"] });
  const both = { Entrypoint: ["new"], Cmd: ["mine"], Env: ["A=1"] };
  expect(applyChanges(['CMD ["mine"]', 'ENTRYPOINT ["new"]'], base)).toEqual(both);
  expect(applyChanges(['ENTRYPOINT ["new"]', 'CMD ["mine"]'], base)).toEqual(both);
});

test.each([
  ["RUN x", "RUN is not a valid change command"],
  ["FROM x", "FROM is not a valid change command"],
  ["__proto__ x", "__PROTO__ is not a valid change command"],
  ["CMD", "CMD requires at least one argument"],
  ["ONBUILD ONBUILD RUN x", "Chaining ONBUILD"],
  ["EXPOSE x", "invalid containerPort: x"],
  ["ENV A", "ENV must have two arguments"],
  ["ENV A='b", "unexpected end of statement while looking for matching single-quote"],
  ["USER --x a", "unknown flag: --x"],
  ["ONBUILD FROM x", "FROM isn't allowed as an ONBUILD trigger"],
  ["HEALTHCHECK x", 'Unknown type "X" in HEALTHCHECK (try CMD)'],
  ["# nothing", "file with no instructions"],
])("%j is refused", (change, message) => {
  expect(() => applyChanges([change])).toThrow(message);
});
