/** Several stages, arguments' scopes, platform arguments, ONBUILD, named contexts. */
import { differential, type BuildCase } from "./support/differential.ts";

const build = (name: string, dockerfile: string, more: Partial<BuildCase> = {}): BuildCase => ({
  name,
  dockerfile,
  ...more,
});

const MULTI =
  "FROM BASE AS one\nRUN echo one > /one\nFROM BASE AS two\nRUN echo two > /two\nFROM BASE\nCOPY --from=one /one /\nCOPY --from=two /two /";

differential("stages", [
  build("copy from stages by name", MULTI),
  build("target by name", MULTI, { args: ["--target", "two"] }),
  build("target in another case", MULTI, { args: ["--target", "ONE"] }),
  build("target by number", MULTI, { args: ["--target", "0"] }),
  build("copy from a stage by number", "FROM BASE\nRUN echo 0 > /f\nFROM BASE\nCOPY --from=0 /f /g"),
  build("copy from a stage in another case", "FROM BASE AS One\nRUN echo 0 > /f\nFROM BASE\nCOPY --from=ONE /f /g"),
  build("copy from an image", "FROM scratch\nCOPY --from=BASE /srv/site /site"),
  build(
    "copy directories with links from a stage",
    "FROM BASE AS a\nRUN mkdir /d && echo f > /d/f && ln /d/f /d/h && ln -s f /d/s\nFROM scratch\nCOPY --from=a /d /x",
  ),
  build(
    "copy keeps owner and mode from a stage",
    "FROM BASE AS a\nRUN mkdir /d && echo f > /d/f && chown -R 7:8 /d && chmod 640 /d/f\nFROM BASE\nCOPY --from=a /d /x\nCOPY --from=a --chown=web /d /y",
  ),
  build(
    "copy through a symlink of a stage",
    "FROM BASE\nCOPY --from=BASE /srv/current/index.html /x\nCOPY --from=BASE /srv/current /y/",
  ),
  build("copy all of a stage", "FROM scratch AS a\nCOPY a /d/e/a\nFROM scratch\nCOPY --from=a / /", {
    files: { a: "a" },
  }),
  build(
    "a stage on a stage",
    "FROM BASE AS a\nENV A=1\nWORKDIR /w\nRUN echo a > f\nFROM a AS b\nENV B=$A\nRUN cat f > g",
  ),
  build(
    "a stage on a stage has its arguments no more",
    "FROM BASE AS a\nARG X=1\nENV Y=$X\nFROM a\nENV Z=${X:-none} W=$Y",
  ),
  build("unused stages do not run", "FROM BASE AS bad\nRUN false\nFROM BASE\nRUN echo good > /x"),
  build("an unused stage's base need not be", "FROM no.such.host/image AS bad\nFROM BASE\nENV A=1"),
  build(
    "a name twice: the later one",
    "FROM BASE AS a\nRUN echo 1 > /f\nFROM BASE AS a\nRUN echo 2 > /f\nFROM BASE\nCOPY --from=a /f /",
  ),
  build("a stage named as an image", "FROM BASE AS varve\nENV A=1\nFROM varve\nENV B=$A"),
  build("ARG before FROM", "ARG TAG=1\nARG NAME=varve-build-base\nFROM ${NAME}:$TAG\nENV A=x$TAG"),
  build("ARG before FROM is asked for inside", "ARG V=1\nFROM BASE\nARG V\nENV A=$V\nFROM BASE\nENV B=x$V"),
  build("ARG before FROM with another default inside", "ARG V=1\nFROM BASE\nARG V=2\nENV A=$V"),
  build("ARG before FROM given", "ARG V=1\nFROM BASE\nARG V\nENV A=$V", { args: ["--build-arg", "V=given"] }),
  build("ARG before FROM made of another", "ARG A=1\nARG B=$A-b\nFROM BASE\nARG B\nENV X=$B"),
  build("ARG in the name of a stage", "ARG S=a\nFROM BASE AS a\nENV A=1\nFROM $S\nENV B=$A"),
  build("ARG in COPY --from is refused", "ARG S=a\nFROM BASE AS a\nFROM BASE\nARG S\nCOPY --from=$S /srv /x"),
  build("FROM with quotes", 'FROM "BASE"\nENV A=1'),
  build(
    "platform arguments",
    "FROM BASE\nARG TARGETPLATFORM\nARG TARGETOS\nARG TARGETARCH\nARG TARGETVARIANT\nARG BUILDPLATFORM\nENV A=$TARGETPLATFORM-$TARGETOS-$TARGETARCH-$TARGETVARIANT-$BUILDPLATFORM",
  ),
  build("platform arguments are not there unasked", "FROM BASE\nENV A=x$TARGETPLATFORM"),
  build("FROM --platform of an argument", "FROM --platform=$BUILDPLATFORM BASE\nENV A=1"),
  build("--platform of this machine", "FROM BASE\nENV A=1", { args: ["--platform", "linux/amd64"] }),
  build("scratch for another platform", "FROM scratch\nCOPY a /", {
    files: { a: "a" },
    args: ["--platform", "linux/arm64"],
  }),
  build("an owner's name on scratch", "FROM scratch\nCOPY --chown=web a /", { files: { a: "a" } }),
  build("a working directory of a user's name on scratch", "FROM scratch\nUSER web\nWORKDIR /w"),
  build("a working directory of a user's number on scratch", "FROM scratch\nUSER 5:6\nWORKDIR /w"),
  build("scratch for another variant", "FROM scratch\nCOPY a /\nARG TARGETVARIANT\nENV A=$TARGETVARIANT", {
    files: { a: "a" },
    args: ["--platform", "linux/arm/v7"],
  }),
  build("TARGETSTAGE", "FROM BASE AS a\nARG TARGETSTAGE\nENV A=$TARGETSTAGE\nFROM a AS b", { args: ["--target", "a"] }),
  build("ONBUILD runs in the next build", "FROM varve-build-onbuild:1\nENV AFTER=1", {
    before: {
      "varve-build-onbuild:1": "FROM BASE\nONBUILD RUN echo on > /x\nONBUILD ENV ON=build\nONBUILD WORKDIR /w",
    },
  }),
  build("ONBUILD COPY takes from the next context", "FROM varve-build-onbuild:1", {
    before: { "varve-build-onbuild:1": "FROM BASE\nONBUILD COPY a /x" },
    files: { a: "a\n" },
  }),
  build("ONBUILD with ARG", "FROM varve-build-onbuild:1", {
    before: { "varve-build-onbuild:1": "FROM BASE\nONBUILD ARG A=dflt\nONBUILD ENV B=$A" },
    args: ["--build-arg", "A=given"],
  }),
  build("ONBUILD in a stage of the same file", "FROM BASE AS a\nONBUILD ENV A=1\nFROM a\nENV B=x$A"),
  build("named context: a directory", "FROM BASE\nCOPY --from=other f /x", {
    args: ["--build-context", "other=CONTEXT/in"],
    files: { "in/f": "f\n" },
  }),
  build("named context: an image in a stage's place", "FROM nothing.example/x AS a\nENV A=1", {
    args: ["--build-context", "nothing.example/x=docker-image://varve-build-base:1"],
  }),
  build(
    "named context: in the place of a stage",
    "FROM BASE AS dep\nRUN echo own > /f\nFROM BASE\nCOPY --from=dep f /x",
    {
      args: ["--build-context", "dep=CONTEXT/in"],
      files: { "in/f": "other\n" },
    },
  ),
  build("named context mounted", "FROM BASE\nRUN --mount=from=other,target=/m cat /m/f > /x", {
    args: ["--build-context", "other=CONTEXT/in"],
    files: { "in/f": "f\n" },
  }),
  build(
    "mount from a stage",
    "FROM BASE AS a\nRUN echo a > /f\nFROM BASE\nRUN --mount=from=a,source=/f,target=/m cat /m > /x",
  ),
  build("Dockerfile from standard input", "FROM scratch", { stdin: "FROM BASE\nENV A=stdin\nRUN echo a > /x" }),
  build("Dockerfile elsewhere", "FROM scratch", {
    args: ["-f", "CONTEXT/deep/er/D"],
    files: { "deep/er/D": "FROM varve-build-base:1\nCOPY a /x\n", a: "a\n" },
  }),
  build(
    "Go-like build",
    'FROM BASE AS build\nWORKDIR /src\nCOPY go.mod ./\nRUN cat go.mod > /mod\nCOPY . .\nARG VERSION=dev\nRUN --mount=type=cache,id=df-go,target=/root/.cache sh -c \'echo "bin $VERSION" > /out\'\nFROM scratch\nCOPY --from=build /out /app\nUSER 65532:65532\nENTRYPOINT ["/app"]',
    {
      files: { "go.mod": "module x\n", "main.go": "package main\n", ".dockerignore": "*.md\n", "README.md": "no\n" },
      args: ["--build-arg", "VERSION=1.2.3"],
    },
  ),
  build(
    "Node-like build",
    'FROM BASE AS deps\nWORKDIR /app\nCOPY package*.json ./\nRUN mkdir node_modules && echo dep > node_modules/dep\nFROM BASE AS dev\nWORKDIR /app\nCOPY --from=deps /app/node_modules ./node_modules\nCOPY . .\nFROM dev AS prod\nENV NODE_ENV=production\nRUN rm -rf test\nEXPOSE 3000\nCMD ["node", "index.js"]',
    {
      files: {
        "package.json": "{}\n",
        "package-lock.json": "{}\n",
        "index.js": "1\n",
        "test/a": "t\n",
        ".dockerignore": "node_modules\n",
        "node_modules/own": "x\n",
      },
    },
  ),
  build(
    "Python-like build",
    'FROM BASE AS base\nENV PYTHONUNBUFFERED=1 \\\n    PIP_NO_CACHE_DIR=1\nWORKDIR /srv/app\nFROM base AS wheels\nCOPY requirements.txt .\nRUN mkdir /wheels && cp requirements.txt /wheels/a.whl\nFROM base\nRUN --mount=type=bind,from=wheels,source=/wheels,target=/wheels cp /wheels/*.whl /srv/\nCOPY --chown=web:web app app\nUSER web\nHEALTHCHECK --interval=30s CMD wget -q -O- localhost:8000 || exit 1\nCMD ["python", "-m", "app"]',
    {
      files: { "requirements.txt": "x==1\n", "app/__init__.py": "", "app/main.py": "m\n" },
    },
  ),
]);
