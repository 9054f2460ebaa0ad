/** ADD: archives are unpacked. */
import { gzipSync } from "node:zlib";
import { directory, file, makeTar, symlink } from "../support/rootfs.ts";
import { differential, type BuildCase } from "./support/differential.ts";

const TAR = makeTar([
  directory("t/", 0o710),
  { ...file("t/f", "in tar\n", 0o640), uid: 5, gid: 6 },
  symlink("t/l", "f"),
  { path: "t/h", type: "hardlink", mode: 0o640, uid: 5, gid: 6, linkPath: "t/f" },
  file("u/v/w", "deep\n"),
]);

const FILES = {
  a: "a\n",
  "d/one": "1\n",
  "t.tar": { body: TAR },
  "t.tgz": { body: gzipSync(TAR, { level: 9 }) },
  "plain.gz": { body: gzipSync("no tar\n") },
  "fake.tar": "this is text\n",
  "cut.tar.gz": { body: gzipSync(TAR).subarray(0, 40) },
} as const;

const add = (name: string, dockerfile: string, more: Partial<BuildCase> = {}): BuildCase => ({
  name,
  dockerfile: `FROM BASE\n${dockerfile}`,
  files: FILES,
  ...more,
});

differential("add", [
  add("a file", "ADD a /x"),
  add("a directory", "ADD d /x"),
  add("a tar", "ADD t.tar /x"),
  add("a tar into a directory that is there", "ADD t.tar /srv/"),
  add("a tar to the root", "ADD t.tar /"),
  add("a gzip tar", "ADD t.tgz /x/"),
  add("a gzip file that is no tar", "ADD plain.gz /x/"),
  add("a name that says tar", "ADD fake.tar /x/"),
  add("a tar and a file", "ADD t.tar a /x/"),
  add("a tar with owner", "ADD --chown=web:extra t.tar /x/"),
  add("a tar with mode", "ADD --chmod=750 t.tar /x/"),
  add("a tar is copied by COPY", "COPY t.tar /x/"),
  add("a tar by wildcard", "ADD t.* /x/"),
  add("a directory with a tar in it", "ADD . /x/", { files: { "in.tar": { body: TAR } } }),
  add("a tar whose file is over a directory's link", "ADD t.tar /srv/current"),
  add("a tar that changes what is there", "ADD site.tar /srv", {
    files: { "site.tar": { body: makeTar([file("site/index.html", "new\n"), directory("site/more/")]) } },
  }),
  add("heredoc", "ADD <<f /x\ntext\nf"),
  add("--link", "ADD --link t.tar /x/"),
]);
