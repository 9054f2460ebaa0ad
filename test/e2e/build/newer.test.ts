/** What the language has since the recorded dockerd, whose own frontend refuses it: results by the reference. */
import { gzipSync } from "node:zlib";
import { directory, file, makeTar } from "../support/rootfs.ts";
import { differential, type BuildCase } from "./support/differential.ts";

const TREE = {
  "x/a.txt": "xa\n",
  "y/a.txt": "ya\n",
  "x/y/a.txt": "xya\n",
  "x/y/b.txt": "xyb\n",
  "x/y/c.md": "xyc\n",
  "x/z/": {},
  "home.txt": "home.txt\n",
  "home.md": "home.md\n",
  "homely/": { mode: 0o700 },
  "homely/in.txt": "in.txt\n",
  "homely/in.md": "in.md\n",
  link: { link: "x/y" },
  "t.tgz": { body: gzipSync(makeTar([directory("t/"), file("t/f", "f\n")]), { level: 9 }) },
} as const;

const STAGE =
  "FROM BASE AS s\nWORKDIR /test\nRUN mkdir -p a/b/c/d/e a/b2/c/d/e a/b/c2/d/e a/b/c2/d/e2 && echo 1 > a/b/c/d/foo && echo 2 > a/b/c/d/e/bay && echo 3 > a/b2/c/d/e/bar && echo 4 > a/b/c2/d/e/baz && echo 5 > a/b/c2/d/e2/baz\nFROM BASE\n";

const newer = (name: string, dockerfile: string, more: Partial<BuildCase> = {}): BuildCase => ({
  name,
  dockerfile: `FROM BASE\n${dockerfile}`,
  files: TREE,
  ...more,
});
const stage = (name: string, dockerfile: string): BuildCase => ({ name, dockerfile: STAGE + dockerfile });

differential("newer", [
  newer("--parents: of files", "COPY --parents ./x/a.txt ./y/a.txt /parents/"),
  newer("--parents: a pivot", "COPY --parents ./x/./y/*.txt /parents/"),
  newer("--parents: a wildcard", "COPY --parents x/*/*.txt /p/"),
  newer("--parents: over several directories", "COPY --parents **/*.txt /p/"),
  newer("--parents: a directory", "COPY --parents x/y /p/"),
  newer("--parents: into the working directory", "WORKDIR /w\nCOPY --parents x/a.txt ."),
  newer("--parents: all", "COPY --parents . /p/"),
  newer("--parents: with owner and mode", "COPY --parents --chown=web --chmod=640 x/a.txt /p/"),
  newer("--parents: with --link", "COPY --link --parents x/a.txt /p/"),
  newer("--parents: what is not there", "COPY --parents x/nope /p/"),
  newer("--parents: a wildcard of nothing", "COPY --parents n*/nope /p/"),
  stage("--parents of a stage: a pivot", "COPY --from=s --parents /test/a/b/./c/d /out/"),
  stage("--parents of a stage: a dot at the end", "COPY --from=s --parents /test/a/b/c/d/. /out/"),
  stage("--parents of a stage: two pivots", "COPY --from=s --parents /test/a/./b/./c /out/"),
  stage("--parents of a stage: a wildcard behind the pivot", "COPY --from=s --parents /test/a/./*/c /out/"),
  stage("--parents of a stage: wildcards on both sides", "COPY --from=s --parents /test/a/b*/./c/**/e /out/"),
  stage(
    "--parents of a stage: two sources",
    "COPY --from=s --parents /test/a/b/c*/./d/**/baz /test/a/b*/./c/**/bar /out/",
  ),
  stage("--parents of a stage: what is not there", "COPY --from=s --parents /test/nonexistent-file /out/"),
  stage("--parents of a stage: a wildcard of nothing", "COPY --from=s --parents /test/a/b/./c9* /out/"),

  newer("--exclude: of a directory", "COPY --exclude=*.txt x/y /e/"),
  newer("--exclude: several", "COPY --exclude=*.txt --exclude=*.md x/y /e/"),
  newer("--exclude: below", "COPY --exclude=**/*.txt x /e/"),
  newer("--exclude: with an exception", "COPY --exclude=*.txt --exclude=!a.txt x/y /e/"),
  newer("--exclude: a whole directory", "COPY --exclude=y x /e/"),
  newer("--exclude: of what a wildcard finds", "COPY --exclude=*.txt hom* /mydir/"),
  newer("--exclude: several of what a wildcard finds", "COPY --exclude=*.txt --exclude=*.md hom* /mydir/"),
  newer("--exclude: with --parents", "COPY --parents --exclude=**/*.md x/y /e/"),
  newer("--exclude: all", "COPY --exclude=* x/y /e/"),
  newer("--exclude: ADD", "ADD --exclude=*.md homely /e/"),
  stage("--exclude of a stage", "COPY --from=s --exclude=**/e /test/a /e/"),

  newer("ADD --unpack=false", "ADD --unpack=false t.tgz /u/"),
  newer("ADD --unpack=true", "ADD --unpack=true t.tgz /u/"),
  newer("COPY with a symbolic mode", "COPY --chmod=u=rwX,go=rX home.txt homely /m/"),
  newer("secret in the environment", "RUN --mount=type=secret,id=s,env=THE_SECRET echo -n $THE_SECRET > /x", {
    args: ["--secret", "id=s,src=CONTEXT/home.md"],
  }),
  newer("secret in the environment by its own name", "RUN --mount=type=secret,id=TOKEN,env=TOKEN echo -n $TOKEN > /x", {
    args: ["--secret", "id=TOKEN,env=GIVEN"],
    env: { GIVEN: "from env" },
  }),
  newer(
    "secret in the environment and a file",
    "RUN --mount=type=secret,id=s,env=S,target=/k cat /k > /x; echo -n $S >> /x",
    { args: ["--secret", "id=s,src=CONTEXT/home.md"] },
  ),
  newer("secret in the environment that is not there", "RUN --mount=type=secret,id=none,env=S echo x${S-unset} > /x"),
  newer(
    "secret in the environment that is not there and required",
    "RUN --mount=type=secret,id=none,env=S,required=true true",
  ),
]);
