import assert from "node:assert/strict";
import {
  chmodSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { isInvalidArgument, isNotFound } from "#errors";
import type { DiffId } from "#oci";
import type { FileAction, Filesystem } from "../graph/operation.ts";
import { SCRATCH, copyOf, openFilesTestbed } from "./filesTestbed.ts";
import { readFileList } from "./fileList.ts";
import type { FilesTestbed, Member } from "./filesTestbed.ts";

const TIME = 1_500_000_000;
const MADE_AT = 318_211_200;

interface World extends FilesTestbed {
  readonly context: Filesystem;
  readonly put: (path: string, text: string, mode?: number) => void;
  readonly link: (path: string, target: string) => void;
  readonly directoryAt: (path: string, mode?: number) => void;
  readonly base: (...members: readonly Member[]) => Promise<Filesystem>;
  /** Does actions above a base and lists the stack. */
  readonly result: (base: Filesystem, ...actions: readonly FileAction[]) => Promise<string[]>;
}

async function open(t: TestContext, excludes: readonly string[] = []): Promise<World> {
  const bed = await openFilesTestbed(t);
  const root = join(bed.directory, "context");
  const at = (path: string): string => join(root, path);
  const stamp = (path: string): void => {
    lutimesSync(at(path), TIME, TIME);
    for (let above = dirname(path); above !== "."; above = dirname(above)) utimesSync(at(above), TIME, TIME);
  };
  const directoryAt = (path: string, mode = 0o755): void => {
    mkdirSync(at(path), { recursive: true });
    chmodSync(at(path), mode);
    stamp(path);
  };
  const stack = (diffIds: readonly DiffId[]): Filesystem => ({ kind: "layers", diffIds });
  const context: Filesystem = { kind: "context", directory: { path: root, excludes, isOwnedByRoot: true } };
  return {
    ...bed,
    context,
    directoryAt,
    put: (path, text, mode = 0o644) => {
      mkdirSync(dirname(at(path)), { recursive: true });
      writeFileSync(at(path), text);
      chmodSync(at(path), mode);
      stamp(path);
    },
    link: (path, target) => {
      symlinkSync(target, at(path));
      stamp(path);
    },
    base: async (...members) => stack([await bed.add(...members)]),
    result: async (base, ...actions) => {
      const diffId = await bed.make(actions, [base, context]);
      return bed.list([...(base.kind === "layers" ? base.diffIds : []), diffId]);
    },
  };
}

test("COPY: a file to a new place makes the directories above it", async (t) => {
  const w = await open(t);
  w.put("a.txt", "hello", 0o4755);
  assert.deepEqual(await w.result(SCRATCH, copyOf(["a.txt"], "/new/deep/name")), [
    `new directory 755 0:0 ${MADE_AT}`,
    `new/deep directory 755 0:0 ${MADE_AT}`,
    `new/deep/name file 4755 0:0 ${TIME} hello`,
  ]);
});

test("COPY: a file into a directory, by the slash or because it is one", async (t) => {
  const w = await open(t);
  w.put("sub/a", "1");
  const base = await w.base({ path: "etc", type: "directory", mode: 0o750, uid: 3, gid: 4, mtimeSeconds: 77 });
  const expected = ["etc directory 750 3:4 77", `etc/a file 644 0:0 ${TIME} 1`];
  assert.deepEqual(await w.result(base, copyOf(["sub/a"], "/etc")), expected);
  assert.deepEqual(await w.result(base, copyOf(["sub/a"], "/etc/")), expected);
  assert.deepEqual(await w.result(SCRATCH, copyOf(["sub/a"], "/")), [`a file 644 0:0 ${TIME} 1`]);
});

test("COPY: the content of a directory, whose own owner and mode stay behind", async (t) => {
  const w = await open(t);
  w.directoryAt("sub", 0o700);
  w.put("sub/x/y", "1");
  w.directoryAt("sub/empty", 0o711);
  const base = await w.base(
    { path: "ex", type: "directory", mode: 0o700, uid: 9, gid: 9, mtimeSeconds: 1 },
    { path: "ex/x", type: "directory", mode: 0o500, uid: 8, gid: 8, mtimeSeconds: 1 },
    { path: "ex/x/old", type: "file", body: "kept" },
  );
  assert.deepEqual(await w.result(base, copyOf(["sub"], "/ex")), [
    `ex directory 700 9:9 ${TIME}`,
    `ex/empty directory 711 0:0 ${TIME}`,
    `ex/x directory 755 0:0 ${TIME}`,
    "ex/x/old file 644 0:0 0 kept",
    `ex/x/y file 644 0:0 ${TIME} 1`,
  ]);
  assert.deepEqual((await w.result(SCRATCH, copyOf(["sub"], "/n")))[0], `n directory 755 0:0 ${TIME}`);
});

test("COPY: symlinks that a source names are followed, inside the context only", async (t) => {
  const w = await open(t);
  w.put("d/x/1", "one");
  w.link("sd", "d");
  w.link("absolute", "/d/x");
  w.link("escape", "../../../../d/x");
  w.link("outside", "/etc/passwd");
  w.link("d/inner", "/nowhere");
  const names = async (source: string): Promise<string[]> =>
    w.names(await w.make([copyOf([source], "/t/")], [SCRATCH, w.context]));
  assert.deepEqual(await names("sd"), ["t", "t/inner", "t/x", "t/x/1"]);
  assert.deepEqual(await names("absolute"), ["t", "t/1"]);
  assert.deepEqual(await names("escape"), ["t", "t/1"]);
  assert.deepEqual(await names("../d/x/1"), ["t", "t/1"]);
  assert.deepEqual(await names("sd/x/1"), ["t", "t/1"]);
  await assert.rejects(w.key([copyOf(["outside"], "/t/")], [SCRATCH, w.context]), (error: Error) => {
    assert.ok(isNotFound(error));
    assert.match(
      error.message,
      /^failed to calculate checksum of ref [a-z0-9]{25}::[a-z0-9]{25}: "\/etc\/passwd": not found$/,
    );
    return true;
  });
  assert.deepEqual((await w.result(SCRATCH, copyOf(["d"], "/t/")))[1], `t/inner symlink 777 0:0 ${TIME} /nowhere`);
});

test("COPY: wildcards as Go's filepath.Match; directories that match give their content", async (t) => {
  const w = await open(t);
  w.put("d/x/1", "1");
  w.put("d/y/2", "2");
  w.put("d/y.go", "3");
  const names = async (source: string): Promise<string[]> =>
    w.names(await w.make([copyOf([source], "/t/")], [SCRATCH, w.context]));
  assert.deepEqual(await names("d/*"), ["t", "t/1", "t/2", "t/y.go"]);
  assert.deepEqual(await names("d/*/*"), ["t", "t/1", "t/2"]);
  assert.deepEqual(await names("?/*.go"), ["t", "t/y.go"]);
  assert.deepEqual(await names("/d/[x]/[^2]"), ["t", "t/1"]);
  assert.deepEqual(await names("d/none*"), []);
  await assert.rejects(names("none/x*"), isNotFound);
});

test("COPY: what a destination refuses", async (t) => {
  const w = await open(t);
  w.put("d/r", "1");
  const base = await w.base(
    { path: "t/r", type: "directory" },
    { path: "f", type: "file" },
    { path: "t2/r", type: "file" },
    { path: "t3/d", type: "file" },
  );
  const refused = (action: FileAction, message: RegExp): Promise<void> =>
    assert.rejects(
      w.make([action], [base, w.context]),
      (error: Error) => isInvalidArgument(error) && message.test(error.message),
    );
  await refused(copyOf(["d/r"], "/t/"), /^cannot replace to directory \/t\/r with file$/);
  await refused(copyOf(["d"], "/f"), /^cannot copy to non-directory: \/f$/);
  await refused(copyOf(["."], "/t3"), /^cannot copy to non-directory: \/t3\/d$/);
  await refused(copyOf(["d/r"], "/f/x"), /^mkdir \/f: not a directory$/);
  await refused(
    { action: "makeDirectory", path: "/f/x", mode: 0o755, owner: undefined },
    /^mkdir \/f: not a directory$/,
  );
  assert.ok((await w.result(base, copyOf(["d"], "/t2"))).includes(`t2/r file 644 0:0 ${TIME} 1`));
});

test("COPY: symlinks on the destination's way are followed in the base", async (t) => {
  const w = await open(t);
  w.put("r", "1");
  const base = await w.base(
    { path: "real", type: "directory", mode: 0o755 },
    { path: "z/l", type: "symlink", linkPath: "/real", mode: 0o777 },
    { path: "dangling", type: "symlink", linkPath: "not/there", mode: 0o777 },
  );
  const made = await w.make([copyOf(["r"], "/z/l/q/"), copyOf(["r"], "/dangling")], [base, w.context]);
  assert.deepEqual(await w.names(made), ["not", "not/there", "real", "real/q", "real/q/r"]);
});

test("COPY --chown: names of the base; new directories above are the owner's, too", async (t) => {
  const w = await open(t);
  w.put("r", "1");
  const base = await w.base(
    { path: "etc/passwd", type: "file", body: "root:x:0:0::/:/bin/sh\nbob:x:12:34::/:/bin/sh\n" },
    { path: "etc/group", type: "file", body: "root:x:0:\nstaff:x:50:bob\n" },
  );
  const owner = async (text: string): Promise<string[]> => {
    const lines = await w.result(base, copyOf(["r"], "/n/r", { owner: text }));
    return lines.filter((line) => line.startsWith("n")).map((line) => line.split(" ")[3] ?? "");
  };
  assert.deepEqual(await owner("bob"), ["12:34", "12:34"]);
  assert.deepEqual(await owner("bob:staff"), ["12:50", "12:50"]);
  assert.deepEqual(await owner("7"), ["7:7", "7:7"]);
  assert.deepEqual(await owner("7:8"), ["7:8", "7:8"]);
  assert.deepEqual(await owner("nobody-here"), ["0:0", "0:0"]);
  assert.deepEqual(await owner("1:nosuch"), ["1:1", "1:1"]);
});

test("COPY --chmod: files and directories below, not the destination itself", async (t) => {
  const w = await open(t);
  w.put("sub/x/f", "1");
  w.link("sub/l", "f");
  const modes = async (mode: string): Promise<string[]> =>
    (await w.result(SCRATCH, copyOf(["sub"], "/m/", { mode }))).map((line) => line.split(" ")[2] ?? "");
  assert.deepEqual(await modes("600"), ["755", "777", "600", "600"]);
  assert.deepEqual(await modes("4711"), ["755", "777", "4711", "4711"]);
  assert.deepEqual(await modes("u+x,go="), ["755", "777", "700", "700"]);
  assert.deepEqual(await modes("a-w,u+X"), ["755", "777", "555", "444"]);
  await assert.rejects(modes("9"), /invalid chmod parameter/);
});

test("COPY: hard links of one source stay links, those of two do not", async (t) => {
  const w = await open(t);
  w.put("d/a", "1");
  linkSync(join(w.directory, "context/d/a"), join(w.directory, "context/d/b"));
  const links = async (...sources: string[]): Promise<number[]> => {
    const made = await w.make([copyOf(sources, "/t/")], [SCRATCH, w.context]);
    await using view = await w.layers.openView([made]);
    return (view.list("t") ?? []).map(({ stat }) => stat.nlink);
  };
  assert.deepEqual(await links("d"), [2, 2]);
  assert.deepEqual(await links("d/a", "d/b"), [1, 1]);
});

test("COPY --exclude and ignore patterns: left out, directories too unless they hold what is kept", async (t) => {
  const w = await open(t, ["**/*.log", "hidden", "!hidden/shown"]);
  for (const name of ["a/x.log", "a/x.go", "b/only.log", "hidden/shown", "hidden/not", "c/d/e.md", "c/d/e.txt"])
    w.put(name, name);
  const names = async (excludes: string[]): Promise<string[]> =>
    w.names(await w.make([copyOf(["."], "/t/", { excludes })], [SCRATCH, w.context]));
  const all = [
    "t",
    "t/a",
    "t/a/x.go",
    "t/b",
    "t/c",
    "t/c/d",
    "t/c/d/e.md",
    "t/c/d/e.txt",
    "t/hidden",
    "t/hidden/shown",
  ];
  assert.deepEqual(await names([]), all);
  assert.deepEqual(
    await names(["**/*.md", "a"]),
    all.filter((name) => !name.endsWith(".md") && !name.startsWith("t/a")),
  );
  assert.deepEqual(
    await names(["c", "!c/d/e.md"]),
    all.filter((name) => name !== "t/c/d/e.txt"),
  );
  await assert.rejects(w.key([copyOf(["a/x.log"], "/")], [SCRATCH, w.context]), isNotFound);
});

test("COPY --parents: with the directories on the way, from the pivot on", async (t) => {
  const w = await open(t);
  w.put("a/b/c/f", "1");
  w.put("a/b/g", "2");
  const names = async (source: string): Promise<string[]> =>
    w.names(await w.make([copyOf([source], "/t/", { parents: true })], [SCRATCH, w.context]));
  assert.deepEqual(await names("a/b/c/f"), ["t", "t/a", "t/a/b", "t/a/b/c", "t/a/b/c/f"]);
  assert.deepEqual(await names("./a/*/g"), ["t", "t/a", "t/a/b", "t/a/b/g"]);
  assert.deepEqual(await names("a/b/./c/f"), ["t", "t/c", "t/c/f"]);
  assert.deepEqual(await names("a/./b"), ["t", "t/b", "t/b/c", "t/b/c/f", "t/b/g"]);
  await assert.rejects(names("a/none"), isNotFound);
});

test("COPY --from: owners, whiteouts and hard links of a stack, without unpacking it", async (t) => {
  const w = await open(t);
  const lower = await w.add(
    { path: "d", type: "directory", uid: 5, gid: 6 },
    { path: "d/gone", type: "file", body: "x" },
    {
      path: "d/f",
      type: "file",
      body: "content",
      uid: 7,
      gid: 8,
      mtimeSeconds: 99,
      xattrs: new Map([["security.capability", Buffer.from("cap")]]),
    },
  );
  const upper = await w.add(
    { path: "d/.wh.gone", type: "file" },
    { path: "d/link", type: "hardlink", linkPath: "d/f" },
  );
  const source: Filesystem = { kind: "layers", diffIds: [lower, upper] };
  const made = await w.make([copyOf(["/d"], "/t", { keepOwner: true })], [SCRATCH, source]);
  const line = "file 644 7:8 99 content";
  assert.deepEqual((await w.list([made])).slice(1), [`t/f ${line}`, `t/link ${line}`]);
  await using view = await w.layers.openView([made]);
  const file = view.lookup("t/f");
  assert.ok(file);
  assert.deepEqual([...view.xattrs(file)], [["security.capability", new Uint8Array(Buffer.from("cap"))]]);
});

test("COPY --link: does not look at the base", async (t) => {
  const w = await open(t);
  w.put("r", "1");
  const base = await w.base({ path: "app", type: "symlink", linkPath: "/etc" });
  const made = await w.make([copyOf(["r"], "/app/r")], [base, w.context], { link: true });
  assert.deepEqual(await w.names(made), ["app", "app/r"]);
  const [first, second] = [
    await w.key([copyOf(["r"], "/x")], [base, w.context], { link: true }),
    await w.key([copyOf(["r"], "/x")], [SCRATCH, w.context], { link: true }),
  ];
  assert.deepEqual(first?.values, second?.values);
});

test("WORKDIR and heredocs: made once, with fixed times", async (t) => {
  const w = await open(t);
  const base = await w.base({ path: "w", type: "directory", mode: 0o700, mtimeSeconds: 5 });
  const heredoc: FileAction = {
    action: "makeFile",
    name: "x",
    data: "hé\n",
    destination: "/h/",
    destinationIsDirectory: true,
    owner: "3:4",
    mode: "755",
  };
  const workdir: FileAction = { action: "makeDirectory", path: "/w/x", mode: 0o755, owner: "1" };
  assert.deepEqual(await w.result(base, workdir, heredoc), [
    `h directory 755 3:4 ${MADE_AT}`,
    `h/x file 755 3:4 ${MADE_AT} hé`,
    "w directory 700 0:0 5",
    `w/x directory 755 1:1 ${MADE_AT}`,
  ]);
  const again = await w.make([{ action: "makeDirectory", path: "/w", mode: 0o755, owner: undefined }], [base]);
  assert.deepEqual(await w.names(again), []);
});

test("file key: content and mode count, times do not; the changed file is named", async (t) => {
  const w = await open(t);
  w.put("d/a", "1");
  w.put("d/b", "2");
  const key = async (): Promise<{ files: string | undefined; list: ReadonlyMap<string, string> | undefined }> => {
    const made = await w.key([copyOf(["d"], "/t")], [SCRATCH, w.context]);
    return { files: made?.values["files"], list: made?.files === undefined ? undefined : readFileList(made.files) };
  };
  const first = await key();
  utimesSync(join(w.directory, "context/d/a"), 1, 1);
  assert.deepEqual(await key(), first);
  w.put("d/a", "3");
  const changed = await key();
  assert.notEqual(changed.files, first.files);
  const different = [...(changed.list ?? [])].filter(([path, digest]) => first.list?.get(path) !== digest);
  assert.deepEqual(
    different.map(([path]) => path),
    ["d/a"],
  );
  w.put("d/a", "1", 0o600);
  assert.notEqual((await key()).files, first.files);
});

test("COPY: the same inputs give the same layer", async (t) => {
  const w = await open(t);
  for (let at = 0; at < 50; at += 1) w.put(`d/${at % 7}/${at}`, String(at));
  const actions = [copyOf(["d"], "/t/"), copyOf(["d/1"], "/u")];
  assert.equal(await w.make(actions, [SCRATCH, w.context]), await w.make(actions, [SCRATCH, w.context]));
});

test("SOURCE_DATE_EPOCH: what is made has that time, what is copied its own", async (t) => {
  const w = await open(t);
  w.put("d/a", "1");
  const made = await w.make([copyOf(["d"], "/t/")], [SCRATCH, w.context], { epoch: 42 });
  assert.deepEqual(await w.list([made]), [`t directory 755 0:0 ${TIME}`, `t/a file 644 0:0 ${TIME} 1`]);
  const workdir = await w.make([{ action: "makeDirectory", path: "/w", mode: 0o755, owner: undefined }], [SCRATCH], {
    epoch: 42,
  });
  assert.deepEqual(await w.list([workdir]), ["w directory 755 0:0 42"]);
});

test("COPY: a name that would delete another in a layer is refused", async (t) => {
  const w = await open(t);
  w.put("d/.wh.passwd", "1");
  await assert.rejects(w.make([copyOf(["d"], "/etc/")], [SCRATCH, w.context]), isInvalidArgument);
});

test("content digest: of what is at a path, taken as it is, whatever its times", async (t) => {
  const w = await open(t);
  w.put("d/[a]*/f", "1");
  w.put("d/ab/f", "2");
  const { signal } = new AbortController();
  const digest = (path: string): Promise<string> => w.files.contentDigest(w.context, path, signal);
  const first = await digest("/d/[a]*");
  utimesSync(join(w.directory, "context/d/[a]*/f"), 1, 1);
  assert.equal(await digest("d/[a]*/"), first);
  w.put("d/[a]*/f", "3");
  assert.notEqual(await digest("d/[a]*"), first);
  await assert.rejects(digest("/none"), /failed to calculate checksum of ref .*: "\/none": not found$/);
  assert.match(await digest("/"), /^sha256:/);
});

test("filesystem reader: files of contexts and stacks, symlinks resolved inside", async (t) => {
  const w = await open(t);
  w.put("d/Dockerfile", "FROM scratch");
  w.link("link", "/d/Dockerfile");
  w.link("out", "/etc/passwd");
  const { reader } = w.files;
  const read = async (filesystem: Filesystem, path: string): Promise<string | undefined> => {
    const bytes = await reader.readFile(filesystem, path, 100);
    return bytes === undefined ? undefined : Buffer.from(bytes).toString();
  };
  assert.equal(await read(w.context, "link"), "FROM scratch");
  assert.equal(await read(w.context, "../d/Dockerfile"), "FROM scratch");
  assert.equal(await read(w.context, "out"), undefined);
  await assert.rejects(read(w.context, "d"), isInvalidArgument);
  await assert.rejects(reader.readFile(w.context, "link", 3), /12 bytes, more than the 3/);
  const stack = await w.base({ path: "x", type: "file", body: "y" });
  assert.equal(await read(stack, "/x"), "y");
  assert.equal(await read(SCRATCH, "/x"), undefined);
});

test("COPY --from: digests of a layer's files are kept, for the layer never changes", async (t) => {
  const w = await open(t);
  const source = await w.base(
    { path: "d/f", type: "file", body: "content" },
    { path: "d/g", type: "hardlink", linkPath: "d/f" },
  );
  const key = async (): Promise<string | undefined> =>
    (await w.key([copyOf(["/d"], "/t", { keepOwner: true })], [SCRATCH, source]))?.values["files"];
  const first = await key();
  // They are written down after the answer; the next job waits for it.
  assert.equal(await key(), first);
  const hashes = join(w.directory, "buildkit/hashes");
  assert.equal(readdirSync(hashes).filter((name) => name.startsWith("layer-")).length, 1);
  const other = await w.base(
    { path: "d/f", type: "file", body: "CONTENT" },
    { path: "d/g", type: "hardlink", linkPath: "d/f" },
  );
  const changed = (await w.key([copyOf(["/d"], "/t", { keepOwner: true })], [SCRATCH, other]))?.values["files"];
  assert.notEqual(changed, first);
});
