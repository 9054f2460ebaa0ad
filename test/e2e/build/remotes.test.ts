/** ADD of URLs and git repositories; contexts and named contexts that are one. */
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { directory, file, makeTar, symlink } from "../support/rootfs.ts";
import { differential, type BuildCase } from "./support/differential.ts";
import type { Commit, Remotes } from "./support/remotes.ts";

const sha256 = (text: string): string => `sha256:${createHash("sha256").update(text).digest("hex")}`;

const MODIFIED = { "Last-Modified": "Sat, 03 Feb 2001 04:05:06 GMT" };
const DOCKERFILE = "FROM varve-build-base:1\nCOPY . /x/\n";
const TAR = makeTar([
  directory("t/", 0o710),
  { ...file("t/f", "in tar\n", 0o640), uid: 5, gid: 6 },
  symlink("t/l", "f"),
]);
const CONTEXT_TAR = makeTar([
  file("Dockerfile", DOCKERFILE),
  { ...file("a", "a\n", 0o640), uid: 5, gid: 6 },
  file("skipped.md", "no\n"),
  file(".dockerignore", "*.md\n"),
  directory("d/", 0o700),
  file("d/Other", "FROM varve-build-base:1\nCOPY d /y/\n"),
  symlink("l", "d/Other"),
]);

const COMMITS: readonly Commit[] = [
  {
    files: {
      Dockerfile: DOCKERFILE,
      a: "one\n",
      run: { body: "#!/bin/sh\n", mode: 0o755 },
      "sub/Dockerfile": "FROM varve-build-base:1\nCOPY . /sub/\n",
      "sub/s": "s\n",
      "sub/deep/Other": "FROM varve-build-base:1\nCOPY s /other\n",
      "out/of/link": { link: "../../a" },
    },
    tag: "v1",
  },
  { files: { a: "two\n", b: "b\n" }, tag: "v2", message: "the second" },
  { files: { a: "branch\n", ".dockerignore": "sub\nrun\nout\n" }, branch: "feature/x" },
];

const REMOTES: Remotes = {
  answers: {
    "/a.txt": { body: "text\n", headers: MODIFIED },
    "/undated": "undated\n",
    "/empty": { body: "", headers: MODIFIED },
    "/with%20space": { body: "space\n", headers: MODIFIED },
    "/query?name=q": { body: "query\n", headers: MODIFIED },
    "/there": { status: 302, headers: { Location: "/a.txt" } },
    "/named": { body: "named\n", headers: { ...MODIFIED, "Content-Disposition": 'attachment; filename="said.txt"' } },
    "/dir/": { body: "dir\n", headers: MODIFIED },
    "/t.tar": { body: TAR, headers: MODIFIED },
    "/broken": { status: 500, body: "no" },
    "/context.tar": CONTEXT_TAR,
    "/context.tgz": gzipSync(CONTEXT_TAR),
    "/context": CONTEXT_TAR,
    "/Dockerfile": "FROM varve-build-base:1\nENV A=url\n",
    "/archive.txt": "this is no tar\n",
  },
  repositories: { r: COMMITS },
};

const remote = (name: string, dockerfile: string, more: Partial<BuildCase> = {}): BuildCase => ({
  name,
  dockerfile: `FROM BASE\n${dockerfile}`,
  ...more,
});
const from = (name: string, context: string, more: Partial<BuildCase> = {}): BuildCase => ({
  name,
  dockerfile: "FROM scratch",
  context,
  ...more,
});

differential(
  "remotes",
  [
    remote("ADD of a URL", "ADD http://SERVER/a.txt /x/"),
    remote("ADD of a URL to a name", "ADD http://SERVER/a.txt /y"),
    remote("ADD of a URL to a directory that is there", "ADD http://SERVER/a.txt /srv"),
    remote("ADD of a URL without a time", "ADD http://SERVER/undated /x/"),
    remote("ADD of an empty URL", "ADD http://SERVER/empty /x/"),
    remote("ADD of a URL with --chmod", "ADD --chmod=755 http://SERVER/a.txt /x/"),
    remote("ADD of a URL with --chown", "ADD --chown=web:extra http://SERVER/a.txt /x/"),
    remote("ADD of a URL with --link", "ADD --link http://SERVER/a.txt /x/y"),
    remote("ADD of a URL with a space", "ADD http://SERVER/with%20space /x/"),
    remote("ADD of a URL with a query", "ADD http://SERVER/query?name=q /x/"),
    remote("ADD of a URL that leads elsewhere", "ADD http://SERVER/there /x/"),
    remote("ADD of a URL with a name of its own", "ADD http://SERVER/named /x/"),
    remote("ADD of a URL that ends in a slash", "ADD http://SERVER/dir/ /x/"),
    remote("ADD of a URL's archive", "ADD http://SERVER/t.tar /x/"),
    remote("ADD of two URLs", "ADD http://SERVER/a.txt http://SERVER/undated /x/"),
    remote("ADD of a URL and a file", "ADD http://SERVER/a.txt own /x/", { files: { own: "own\n" } }),
    remote("ADD of a URL in variables", "ARG HOST=SERVER\nENV F=a.txt\nADD http://$HOST/$F /x/"),
    remote("ADD of a URL on scratch", "ENV A=1\nFROM scratch\nADD http://SERVER/a.txt /x/"),
    remote("ADD with the right checksum", `ADD --checksum=${sha256("text\n")} http://SERVER/a.txt /x/`),
    remote("ADD with a wrong checksum", `ADD --checksum=${sha256("other\n")} http://SERVER/a.txt /x/`),
    remote("ADD with a checksum that is none", "ADD --checksum=sha256:12 http://SERVER/a.txt /x/"),
    remote("ADD with a checksum of two URLs", `ADD --checksum=${sha256("a")} http://SERVER/a.txt http://SERVER/b /x/`),
    remote("ADD of a URL that is not there", "ADD http://SERVER/nope /x/"),
    remote("ADD of a URL of a broken server", "ADD http://SERVER/broken /x/"),
    remote("COPY of a URL", "COPY http://SERVER/a.txt /x/"),

    remote("ADD of a repository", "ADD http://SERVER/r.git /x"),
    remote("ADD of a repository's tag", "ADD http://SERVER/r.git#v1 /x"),
    remote("ADD of a repository's annotated tag", "ADD http://SERVER/r.git#v2 /x"),
    remote("ADD of a repository's branch", "ADD http://SERVER/r.git#feature/x /x"),
    remote("ADD of a repository's directory", "ADD http://SERVER/r.git#v1:sub /x"),
    remote("ADD of a directory of a repository's HEAD", "ADD http://SERVER/r.git#:sub /x"),
    remote("ADD of a repository to a directory that is there", "ADD http://SERVER/r.git#v1:sub /srv/site"),
    remote("ADD of a repository with owner and mode", "ADD --chown=web --chmod=700 http://SERVER/r.git#v1:sub /x"),
    remote(
      "ADD of a repository with its .git",
      "ADD --keep-git-dir=true http://SERVER/r.git#v1 /r\nRUN cat /r/.git/HEAD > /head; test -d /r/.git/objects && rm -rf /r",
    ),
    remote("ADD of a repository without its .git", "ADD --keep-git-dir=false http://SERVER/r.git#v1 /r"),
    remote("ADD of a ref that a repository has not", "ADD http://SERVER/r.git#nope /x"),
    remote("ADD of a directory that a repository has not", "ADD http://SERVER/r.git#v1:nope /x"),
    remote("ADD of a repository that is not there", "ADD http://SERVER/none.git /x"),
    remote("COPY of a repository", "COPY http://SERVER/r.git /x"),

    from("context: a repository", "http://SERVER/r.git"),
    from("context: a repository's tag", "http://SERVER/r.git#v1"),
    from("context: a repository's branch, with an ignore file", "http://SERVER/r.git#feature/x"),
    from("context: a repository's directory", "http://SERVER/r.git#v1:sub"),
    from("context: a repository's directory, another Dockerfile", "http://SERVER/r.git#v1:sub", {
      args: ["-f", "deep/Other"],
    }),
    from("context: a repository without the Dockerfile", "http://SERVER/r.git#v1:sub/deep"),
    from("context: a repository that has not the ref", "http://SERVER/r.git#nope"),
    from("context: a repository with its .git", "http://SERVER/r.git#v1:sub", {
      args: ["--build-arg", "BUILDKIT_CONTEXT_KEEP_GIT_DIR=1"],
    }),
    from("context: a tar", "http://SERVER/context.tar"),
    from("context: a gzip tar", "http://SERVER/context.tgz"),
    from("context: a tar by another name", "http://SERVER/context"),
    from("context: a tar, another Dockerfile", "http://SERVER/context.tar", { args: ["-f", "d/Other"] }),
    from("context: a Dockerfile", "http://SERVER/Dockerfile"),
    from("context: a text that is no Dockerfile", "http://SERVER/archive.txt"),
    from("context: a URL that is not there", "http://SERVER/nope.tar"),

    remote("named context: a repository", "COPY --from=other a /x", {
      args: ["--build-context", "other=http://SERVER/r.git#v1"],
    }),
    remote("named context: a repository's directory", "COPY --from=other . /x", {
      args: ["--build-context", "other=http://SERVER/r.git#v1:sub"],
    }),
    remote("named context: a tar", "COPY --from=other . /x/", {
      args: ["--build-context", "other=http://SERVER/context.tar"],
    }),
    remote("named context: a file", "COPY --from=other . /x/", {
      args: ["--build-context", "other=http://SERVER/a.txt"],
    }),
    remote("named context: a directory", "COPY --from=other . /x/", {
      args: ["--build-context", "other=CONTEXT/in"],
      files: { "in/a": "a\n", "in/b.md": "b\n", "in/.dockerignore": "*.md\n" },
    }),
    remote("named context: a directory that is not there", "COPY --from=other . /x/", {
      args: ["--build-context", "other=CONTEXT/none"],
    }),
    remote("named context: an image", "COPY --from=other /srv/site /x/", {
      args: ["--build-context", "other=docker-image://BASE"],
    }),
    {
      name: "named context: the base",
      dockerfile: "FROM no.example/base:9\nENV A=1",
      args: ["--build-context", "no.example/base:9=docker-image://BASE"],
    },
    remote("named context: in a mount", "RUN --mount=from=other,target=/m cp -r /m /x", {
      args: ["--build-context", "other=http://SERVER/r.git#v1:sub"],
    }),
  ],
  REMOTES,
);
