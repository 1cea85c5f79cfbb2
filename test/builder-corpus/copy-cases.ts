import { BUILDKIT, type BuildCase, EVERYBODY, NOBODY } from "./build-case.ts";

/** ADD and COPY. */
export const COPY_CASES: BuildCase[] = [
  { name: "copy-file-to-name", dockerfile: "FROM busybox\nCOPY hello.txt /greeting\n" },
  { name: "copy-file-into-directory", dockerfile: "FROM busybox\nCOPY hello.txt script.sh /opt/new/\n" },
  { name: "copy-directory-is-its-contents", peers: EVERYBODY, dockerfile: "FROM busybox\nCOPY tree /opt/tree\n" },
  { name: "copy-everything", dockerfile: "FROM busybox\nCOPY . /all/\n" },
  {
    name: "copy-json-form",
    dockerfile: 'FROM busybox\nCOPY ["with space.txt", "/dest dir/"]\n',
    files: { "with space.txt": "x\n" },
  },
  {
    name: "copy-wildcards",
    peers: EVERYBODY,
    dockerfile: "FROM busybox\nCOPY tree/*.txt /w/\nCOPY h?llo.t[xy]t /w/\n",
  },
  {
    name: "copy-relative-to-workdir",
    dockerfile: "FROM busybox\nWORKDIR /srv\nCOPY hello.txt .\nCOPY hello.txt sub/other\n",
  },
  {
    name: "copy-leading-slash-and-dots",
    dockerfile: "FROM busybox\nCOPY /hello.txt /a\nCOPY ../hello.txt /b\n",
    peers: BUILDKIT,
  },
  { name: "copy-with-variables", dockerfile: "FROM busybox\nENV name=hello dest=/v\nCOPY ${name}.txt $dest/\n" },
  { name: "copy-chown-numbers", peers: EVERYBODY, dockerfile: "FROM busybox\nCOPY --chown=12:34 tree /owned\n" },
  {
    name: "copy-chown-names",
    dockerfile:
      "FROM busybox\nRUN echo 'app:x:77:78::/:/bin/sh' >> /etc/passwd && echo 'app:x:78:' >> /etc/group\nCOPY --chown=app:app hello.txt /h\nCOPY --chown=app hello.txt /i\n",
  },
  { name: "copy-chmod-octal", dockerfile: "FROM busybox\nCOPY --chmod=0750 tree /m\n", peers: BUILDKIT },
  { name: "copy-chmod-symbolic", dockerfile: "FROM busybox\nCOPY --chmod=u=rwX,go=rX tree /m\n", peers: NOBODY },
  {
    name: "copy-over-existing",
    peers: EVERYBODY,
    dockerfile:
      "FROM busybox\nRUN mkdir -p /d/tree && echo old > /d/tree/a && echo kept > /d/tree/kept && chmod 700 /d\nCOPY tree /d/tree\n",
  },
  {
    name: "copy-through-a-link-in-the-image",
    dockerfile: "FROM busybox\nRUN mkdir -p /real && ln -s /real /alias\nCOPY hello.txt /alias/\n",
  },
  { name: "copy-symlink-stays-a-link", dockerfile: "FROM busybox\nCOPY tree/ /links/\n" },
  {
    name: "copy-empty-directory-and-modes",
    peers: BUILDKIT,
    dockerfile: "FROM busybox\nCOPY modes /modes\n",
    files: { "modes/suid": { content: "s", mode: 0o4755 }, "modes/none": { content: "n", mode: 0o600 } },
  },
  {
    name: "copy-from-stage-by-name",
    peers: EVERYBODY,
    dockerfile:
      "FROM busybox AS made\nRUN mkdir -p /out/x && echo r > /out/result && ln -s result /out/link\nFROM busybox\nCOPY --from=made /out /in\n",
  },
  {
    name: "copy-from-stage-by-number",
    dockerfile: "FROM busybox\nRUN echo zero > /zero\nFROM busybox\nCOPY --from=0 /zero /got\n",
  },
  { name: "copy-from-image", dockerfile: "FROM busybox\nCOPY --from=busybox /bin/busybox /copied\n" },
  {
    name: "copy-from-stage-with-wildcards",
    dockerfile:
      "FROM busybox AS made\nRUN mkdir /o && touch /o/1.log /o/2.log /o/3.txt\nFROM busybox\nCOPY --from=made /o/*.log /logs/\n",
  },
  { name: "copy-link", dockerfile: "FROM busybox\nCOPY --link hello.txt /linked/\n", peers: NOBODY },
  {
    name: "copy-parents",
    dockerfile: "FROM busybox\nCOPY --parents tree/deep/er/c.txt hello.txt /p/\nCOPY --parents ./tree/./deep /q/\n",
    peers: NOBODY,
  },
  { name: "copy-exclude", dockerfile: "FROM busybox\nCOPY --exclude=*.txt --exclude=deep tree /e/\n", peers: NOBODY },
  {
    name: "copy-heredoc",
    dockerfile: 'FROM busybox\nARG WHO=you\nCOPY <<one.txt <<"two.txt" /h/\nfor $WHO\none.txt\nfor $WHO\ntwo.txt\n',
    peers: NOBODY,
  },
  { name: "add-file", dockerfile: "FROM busybox\nADD hello.txt /added/\n" },
  {
    name: "add-unpacks-archives",
    dockerfile: "FROM busybox\nADD one.tar /u/\nADD two.tgz hello.txt /u/sub/\nCOPY one.tar /plain/\n",
    files: {
      "one.tar": { archive: { "in/a": "a\n", "in/b": "b\n" }, gzip: false },
      "two.tgz": { archive: { c: "c\n" }, gzip: true },
    },
  },
  {
    name: "dockerignore",
    peers: EVERYBODY,
    dockerfile: "FROM busybox\nCOPY . /c/\n",
    files: { ".dockerignore": "# comment\n*.txt\n!hello.txt\n**/deep\nDockerfile\n.dockerignore\n" },
  },
  {
    name: "dockerignore-of-a-dockerfile",
    dockerfile: "FROM busybox\nCOPY . /c/\n",
    files: { "Dockerfile.dockerignore": "tree\n*ignore\n", ".dockerignore": "hello.txt\n" },
    peers: BUILDKIT,
  },
  {
    name: "dockerignore-everything-but",
    dockerfile: "FROM busybox\nCOPY . /c/\n",
    files: { ".dockerignore": "*\n!tree/deep\n" },
  },
  { name: "hidden-files", dockerfile: "FROM busybox\nCOPY . /c/\n", files: { ".hidden/file": "h\n", ".env": "E=1\n" } },
];
