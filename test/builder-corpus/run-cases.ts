import { BUILDKIT, type BuildCase, DOCKER, EVERYBODY, NOBODY } from "./build-case.ts";

/** RUN, stages, and the language itself. */
export const RUN_CASES: BuildCase[] = [
  { name: "run-shell", peers: EVERYBODY, dockerfile: "FROM busybox\nRUN echo one > /one && echo two > /two\n" },
  { name: "run-exec", dockerfile: 'FROM busybox\nRUN ["/bin/sh", "-c", "echo exec > /exec"]\n' },
  {
    name: "run-continued",
    dockerfile: "FROM busybox\nRUN echo a \\\n  # a comment in between\n  && echo b > /b \\\n\n  && echo c > /c\n",
  },
  {
    name: "run-deletes",
    peers: EVERYBODY,
    dockerfile: "FROM busybox\nRUN mkdir -p /d/e && touch /d/e/f /d/g\nRUN rm -r /d/e && rm /bin/nslookup\n",
  },
  {
    name: "run-replaces-directory",
    dockerfile:
      "FROM busybox\nRUN mkdir /d && touch /d/old\nRUN rm -r /d && mkdir /d && touch /d/new\nRUN rm -r /d && echo f > /d\n",
  },
  {
    name: "run-modes-and-owners",
    dockerfile:
      "FROM busybox\nRUN umask 077; mkdir /p; touch /p/f; chown 5:6 /p/f; chmod 4711 /p/f; mkfifo /p/pipe; ln /p/f /p/hard\n",
  },
  {
    name: "run-environment",
    dockerfile: "FROM busybox\nENV A=1\nWORKDIR /w\nUSER 33:44\nRUN echo $A $PWD $(id -u) $(id -g) $HOME > /tmp/env\n",
  },
  { name: "run-nothing", peers: BUILDKIT, dockerfile: "FROM busybox\nRUN true\n" },
  {
    name: "run-in-scratch-made-of-copies",
    dockerfile: 'FROM scratch\nCOPY --from=busybox / /\nRUN ["/bin/sh", "-c", "echo $PATH > /path"]\n',
    peers: BUILDKIT,
  },
  {
    name: "run-network-none",
    dockerfile: "FROM busybox\nRUN --network=none ls /sys/class/net > /nets\n",
    peers: NOBODY,
  },
  {
    name: "run-add-host",
    dockerfile: "FROM busybox\nRUN grep -c 10.9.8.7 /etc/hosts > /count\n",
    flags: ["--add-host", "some.where:10.9.8.7"],
  },
  {
    name: "run-mount-bind",
    dockerfile:
      "FROM busybox\nRUN --mount=target=/ctx cp /ctx/hello.txt /h; ! touch /ctx/x\nRUN --mount=type=bind,source=tree,target=/t,rw touch /t/scratch && ls /t > /list\n",
    peers: BUILDKIT,
  },
  {
    name: "run-mount-bind-from",
    dockerfile:
      "FROM busybox AS s\nRUN echo s > /s\nFROM busybox\nRUN --mount=from=s,source=/s,target=/mnt/s cat /mnt/s > /got\n",
    peers: BUILDKIT,
  },
  {
    name: "run-mount-cache",
    dockerfile:
      "FROM busybox\nRUN --mount=type=cache,target=/c,id=corpus-cache,mode=0700,uid=7 echo x > /c/x && stat -c '%a %u' /c > /stat\nRUN --mount=type=cache,target=/c,id=corpus-cache,mode=0700,uid=7 cat /c/x > /seen\n",
    peers: BUILDKIT,
  },
  {
    name: "run-mount-tmpfs",
    dockerfile:
      "FROM busybox\nRUN --mount=type=tmpfs,target=/t,size=1048576 df -P /t | tail -1 | awk '{print $1, $2}' > /df; touch /t/gone\n",
    peers: NOBODY,
  },
  {
    name: "run-mount-secret-optional",
    dockerfile: "FROM busybox\nRUN --mount=type=secret,id=none test ! -e /run/secrets/none && echo ok > /ok\n",
    peers: BUILDKIT,
  },
  {
    name: "run-heredoc",
    dockerfile:
      "FROM busybox\nRUN <<EOF\nset -e\nn=1\necho $n > /n\nEOF\nRUN <<X cat > /cat\n$HOME is expanded by the shell\nX\n",
    peers: NOBODY,
  },
  {
    name: "run-heredoc-shebang",
    dockerfile: "FROM busybox\nRUN <<EOF\n#!/bin/sh -e\necho $0 | sed 's/.*/script/' > /s\nEOF\n",
    peers: NOBODY,
  },
  {
    name: "stage-from-stage",
    peers: EVERYBODY,
    dockerfile:
      "FROM busybox AS base\nENV A=1\nRUN touch /base\nFROM base AS next\nRUN touch /next-$A\nFROM next\nRUN touch /last\n",
  },
  {
    name: "stage-target",
    peers: EVERYBODY,
    dockerfile: "FROM busybox AS one\nRUN touch /one\nFROM one AS two\nRUN touch /two\nFROM busybox\nRUN false\n",
    flags: ["--target", "two"],
  },
  {
    name: "stage-unused-is-not-built",
    dockerfile: "FROM busybox AS broken\nRUN false\nFROM busybox\nRUN touch /fine\n",
    peers: BUILDKIT,
  },
  {
    name: "stage-args-are-inherited",
    dockerfile: "FROM busybox AS a\nARG X=1\nFROM a\nRUN echo ${X:-none} > /x\n",
    peers: BUILDKIT,
  },
  {
    name: "onbuild-runs",
    dockerfile:
      "FROM busybox AS trigger\nONBUILD RUN echo first > /first\nONBUILD ENV B=2\nFROM trigger\nRUN echo $B > /b\n",
    peers: NOBODY,
  },
  {
    name: "escape-directive",
    dockerfile: "# escape=`\nFROM busybox\nRUN echo a `\n && echo 'c:\\' > /c\nENV P=C:\\dir\n",
  },
  {
    name: "comments-and-case",
    dockerfile: '# a comment\n\n  # indented\nfrom busybox as Stage\n\trun echo x > /x\n# end\nCmd ["a"]\n',
  },
  {
    name: "windows-line-ends",
    dockerfile: 'FROM busybox\r\nRUN echo x \\\r\n  > /x\r\nCMD ["a"]\r\n',
    peers: DOCKER,
  },
  { name: "byte-order-mark", dockerfile: "\uFEFFFROM busybox\nRUN echo bom > /b\n" },
  { name: "no-newline-at-the-end", dockerfile: "FROM busybox\nRUN echo x > /x" },
  { name: "quotes-in-json-fall-back-to-the-shell", dockerfile: "FROM busybox\nRUN [ 'a' = 'a' ] && echo shell > /s\n" },
  {
    name: "dockerfile-elsewhere",
    dockerfile: "FROM nothing\n",
    files: { "docker/Other": "FROM busybox\nCOPY tree/a /a\n" },
    flags: ["-f", "docker/Other"],
  },
];
