import { BUILDKIT, type BuildCase, DOCKER, EVERYBODY, NOBODY } from "./build-case.ts";

/** Instructions that change what an image says and not what it holds. */
export const CONFIG_CASES: BuildCase[] = [
  { name: "cmd-exec", peers: EVERYBODY, dockerfile: 'FROM busybox\nCMD ["echo", "a b", "c\\"d"]\n' },
  { name: "cmd-shell", dockerfile: "FROM busybox\nCMD echo $HOME && true\n" },
  { name: "cmd-last-wins", dockerfile: 'FROM busybox\nCMD ["one"]\nCMD ["two"]\n' },
  { name: "entrypoint-exec-keeps-later-cmd", dockerfile: 'FROM busybox\nENTRYPOINT ["top", "-b"]\nCMD ["-c"]\n' },
  { name: "entrypoint-drops-inherited-cmd", dockerfile: "FROM busybox\nENTRYPOINT exec top -b\n" },
  { name: "cmd-as-default-parameters", dockerfile: 'FROM busybox\nCMD ["-c"]\nENTRYPOINT ["top"]\n' },
  {
    name: "env-both-forms",
    peers: EVERYBODY,
    dockerfile: 'FROM busybox\nENV A=1 B="two words" C=es\\ caped\nENV D the rest of the line\nENV E=$A-${B} F=\\$A\n',
  },
  { name: "env-sees-what-was-before", dockerfile: "FROM busybox\nENV abc=hello\nENV abc=bye def=$abc\nENV ghi=$abc\n" },
  { name: "env-replaces", dockerfile: "FROM busybox\nENV A=1 B=2\nENV A=3\n" },
  {
    name: "variable-defaults",
    peers: EVERYBODY,
    dockerfile: "FROM busybox\nENV set=x\nENV a=${set:-no} b=${unset:-yes} c=${set:+alt} d=${unset:+alt} e=${set}y\n",
  },
  {
    name: "variable-patterns",
    dockerfile:
      "FROM busybox\nENV f=/usr/lib/file.tar.gz\nENV a=${f#*/} b=${f##*/} c=${f%.*} d=${f%%.*} e=${f/lib/bin} g=${f//r/R}\n",
    peers: NOBODY,
  },
  {
    name: "label-forms",
    peers: EVERYBODY,
    dockerfile: 'FROM busybox\nLABEL a=1 "b.c"="two words" d=\'q "uoted"\'\nLABEL e multi\\\nline\nLABEL a=again\n',
  },
  { name: "expose-ports", peers: DOCKER, dockerfile: "FROM busybox\nEXPOSE 80 443/tcp 53/udp 8000-8002\n" },
  {
    name: "user-and-workdir",
    peers: BUILDKIT,
    dockerfile: "FROM busybox\nUSER 1000:1000\nWORKDIR /srv/app\nUSER nobody\n",
  },
  {
    name: "workdir-relative",
    dockerfile: "FROM busybox\nENV D=deep\nWORKDIR /one\nWORKDIR two\nWORKDIR ../three/$D\n",
  },
  { name: "volume-forms", dockerfile: 'FROM busybox\nVOLUME ["/data", "/with space"]\nVOLUME /plain /other\n' },
  { name: "stopsignal", dockerfile: "FROM busybox\nSTOPSIGNAL SIGQUIT\n" },
  {
    name: "maintainer",
    dockerfile: "FROM busybox\nMAINTAINER Some Body <body@example.org>\n",
    peers: DOCKER,
  },
  {
    name: "healthcheck-options",
    peers: EVERYBODY,
    dockerfile:
      "FROM busybox\nHEALTHCHECK --interval=5s --timeout=2s --start-period=1m --retries=4 CMD wget -q localhost || exit 1\n",
  },
  { name: "healthcheck-exec", dockerfile: 'FROM busybox\nHEALTHCHECK CMD ["true"]\n' },
  { name: "healthcheck-none", dockerfile: "FROM busybox\nHEALTHCHECK NONE\n" },
  {
    name: "healthcheck-start-interval",
    dockerfile: "FROM busybox\nHEALTHCHECK --start-interval=2s CMD true\n",
    peers: NOBODY,
  },
  { name: "shell", dockerfile: 'FROM busybox\nSHELL ["/bin/sh", "-ec"]\nRUN echo $0 > /shell\nCMD echo hi\n' },
  {
    name: "onbuild-is-kept",
    dockerfile: 'FROM busybox\nONBUILD RUN echo later\nONBUILD COPY . /app\nONBUILD CMD ["x"]\n',
  },
  { name: "scratch-with-config-only", dockerfile: 'FROM scratch\nLABEL a=b\nCMD ["/nothing"]\n', peers: NOBODY },
  { name: "labels-by-flag", dockerfile: "FROM busybox\nLABEL a=file\n", flags: ["--label", "a=flag", "--label", "b="] },
  {
    name: "arg-is-no-environment",
    dockerfile: "FROM busybox\nARG WHO=me\nENV KEPT=$WHO\nRUN echo $WHO > /who\n",
    flags: ["--build-arg", "WHO=you"],
  },
  {
    name: "env-wins-over-arg",
    dockerfile: "FROM busybox\nARG V=arg\nENV V=env\nRUN echo $V > /v\n",
    flags: ["--build-arg", "V=flag"],
  },
  {
    name: "arg-before-from",
    peers: EVERYBODY,
    dockerfile: "ARG BASE=nothing\nFROM $BASE\nARG BASE\nRUN echo ${BASE:-unset} > /base\n",
    flags: ["--build-arg", "BASE=busybox"],
  },
  {
    name: "several-args-in-one-line",
    dockerfile: "FROM busybox\nARG A=1 B=2 C\nRUN echo $A$B$C > /abc\n",
    peers: BUILDKIT,
  },
  {
    name: "platform-arguments",
    dockerfile:
      "FROM busybox\nARG TARGETOS\nARG TARGETPLATFORM BUILDPLATFORM\nRUN echo $TARGETOS > /os; test $TARGETPLATFORM = $BUILDPLATFORM\n",
    peers: BUILDKIT,
  },
];
