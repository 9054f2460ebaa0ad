/** RUN with the real step runner: layers, errors, mounts. Needs root and a runtime. */
import assert from "node:assert/strict";
import { chown, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { EngineError, ErrorCode } from "#errors";
import { digestOf } from "#oci";
import type { DiffId } from "#oci";
import { CacheMounts } from "../../src/build/exec/cacheMounts.ts";
import { createExecHandler } from "../../src/build/exec/createExecHandler.ts";
import type { ExecMount, ExecOperation, Filesystem, OperationHandler, Step } from "#build";
import { createBuildFiles } from "../../src/build/files/createBuildFiles.ts";
import type { BuildFiles } from "../../src/build/files/createBuildFiles.ts";
import { NO_SESSION } from "../../src/build/solver/fakeBuild.ts";
import { openContainerRooms } from "./containerRooms.ts";
import type { ContainerRooms } from "./containerRooms.ts";

const PLAIN: ExecOperation = {
  kind: "exec",
  arguments: [],
  environment: ["PATH=/bin"],
  workingDirectory: "/",
  user: "",
  mounts: [],
  network: "none",
  security: "sandbox",
  platform: { os: "linux", architecture: "amd64" },
  limits: { shmSize: undefined, ulimits: [], cgroupParent: undefined },
  hostname: undefined,
  extraHosts: [],
  proxyEnvironment: [],
};

describe("build exec", () => {
  let rooms: ContainerRooms;
  let base: DiffId;
  let folder: string;
  let caches: CacheMounts;
  let files: BuildFiles;
  let handler: OperationHandler<ExecOperation>;

  before(async () => {
    rooms = await openContainerRooms();
    folder = await mkdtemp(join(tmpdir(), "varve-exec-"));
    const [layer] = rooms.layers.list();
    assert.ok(layer !== undefined);
    base = layer.diffId;
    files = createBuildFiles({ layers: rooms.layers, dataRoot: folder });
    caches = new CacheMounts(join(folder, "cache-mounts"), () => Date.now());
    handler = createExecHandler({
      steps: rooms.steps,
      layers: rooms.layers,
      contentDigest: async (filesystem, path) => digestOf(JSON.stringify([filesystem, path])),
      cacheMounts: caches,
      file: files.file,
      now: () => Date.now(),
    });
  });
  after(async () => {
    await files[Symbol.asyncDispose]();
    await rooms[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  function stepOf(script: string, change: Partial<ExecOperation> = {}, more: Partial<Step<ExecOperation>> = {}) {
    const lines = ["", "", ""];
    const step: Step<ExecOperation> = {
      vertex: {
        digest: "",
        name: "",
        operation: PLAIN,
        inputs: [],
        ignoreCache: false,
        location: undefined,
        instruction: "",
      },
      operation: { ...PLAIN, arguments: ["/bin/sh", "-c", script], ...change },
      inputs: [{ kind: "layers", diffIds: [base] }],
      session: NO_SESSION,
      progress: {
        status: () => undefined,
        log: (stream, data) => void (lines[stream] += Buffer.from(data).toString()),
      },
      lease: { keepLayer: () => undefined, keepBlob: () => undefined, hold: () => undefined },
      signal: new AbortController().signal,
      ...more,
    };
    return { step, lines };
  }

  async function read(result: Filesystem, path: string): Promise<string | undefined> {
    assert.ok(result.kind === "layers");
    await using view = await rooms.layers.openView(result.diffIds);
    const entry = view.lookup(path, { follow: true });
    if (entry === undefined) return undefined;
    const chunks: Uint8Array[] = [];
    for await (const chunk of view.readFile(entry)) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  }

  test("RUN: a layer above its base, and the next one above that", async () => {
    const first = await handler.run(stepOf("echo one > /x; rm /etc/group").step);
    const { step, lines } = stepOf("cat /x; echo two > /x; ls /etc/group", {}, { inputs: [first] });
    await assert.rejects(handler.run(step), {
      message: 'process "/bin/sh -c cat /x; echo two > /x; ls /etc/group" did not complete successfully: exit code: 1',
      details: { exitCode: 1 },
    });
    assert.equal(lines[1], "one\n");
    const second = await handler.run(stepOf("echo two >> /x", {}, { inputs: [first] }).step);
    assert.equal(await read(second, "x"), "one\ntwo\n");
    assert.equal(await read(second, "etc/group"), undefined);
    assert.ok(second.kind === "layers" && second.diffIds.length === 3);
  });

  test("RUN: users that there are not", async () => {
    await assert.rejects(handler.run(stepOf("true", { user: "nobodyx" }).step), {
      message:
        'process "/bin/sh -c true" did not complete successfully: unable to find user nobodyx: no matching entries in passwd file',
    });
  });

  const cacheMount = (change: object = {}): ExecMount => ({
    type: "cache",
    id: "c",
    sharing: "shared",
    target: "/cache",
    readOnly: false,
    input: undefined,
    source: "/",
    mode: undefined,
    uid: undefined,
    gid: undefined,
    ...change,
  });

  test("RUN: a cache outlives its step, is no part of the layer, and can be removed", async () => {
    const first = await handler.run(stepOf("echo 1 > /cache/f", { mounts: [cacheMount()] }).step);
    assert.equal(await read(first, "cache"), undefined);
    const second = stepOf("cat /cache/f > /out", { mounts: [cacheMount()] });
    assert.equal(await read(await handler.run(second.step), "out"), "1\n");
    const [record] = await caches.list();
    assert.equal(record?.description, 'cached mount /cache from exec /bin/sh -c echo 1 > /cache/f with id "c"');
    assert.equal(record.size, 2);
    assert.equal(await caches.remove(record.id), true);
    assert.deepEqual(await caches.list(), []);
  });

  test("RUN: a new cache has its owner, mode and first content", async () => {
    const mount = cacheMount({ id: "seeded", input: 0, source: "/etc", mode: 0o700, uid: 33, gid: 33 });
    const { step, lines } = stepOf("stat -c '%u %g %a' /cache; ls /cache", { mounts: [mount] });
    await handler.run(step);
    assert.equal(lines[1], "33 33 700\ngroup\nos-release\npasswd\n");
  });

  test("RUN: locked caches wait, private ones are others", async () => {
    const script =
      "test -e /cache/busy && exit 3; touch /cache/busy; sleep 0.2; rm /cache/busy; ls /cache; touch /cache/$NAME";
    const one = (sharing: string, name: string): Promise<Filesystem> =>
      handler.run(
        stepOf(script, { mounts: [cacheMount({ id: sharing, sharing })], environment: ["PATH=/bin", `NAME=${name}`] })
          .step,
      );
    await Promise.all([one("locked", "a"), one("locked", "b")]);
    await Promise.all([one("private", "a"), one("private", "b")]);
    assert.equal((await caches.list()).filter(({ description }) => description.includes('"private"')).length, 2);
    assert.equal((await caches.list()).filter(({ description }) => description.includes('"locked"')).length, 1);
  });

  test("RUN: a context that is read in place shows what is the build's, and stays as it is", async () => {
    const path = join(folder, "context");
    await mkdir(join(path, "sub"), { recursive: true });
    await writeFile(join(path, "sub", "a[1].txt"), "a\n");
    await writeFile(join(path, "ignored"), "i\n");
    await chown(join(path, "sub"), 1000, 1000);
    const context: Filesystem = { kind: "context", directory: { path, excludes: ["ignored"], isOwnedByRoot: true } };
    const bind = (source: string, target: string, readWrite = false): ExecMount => ({
      type: "bind",
      input: 1,
      source,
      target,
      readWrite,
    });
    const mounts = [bind("/", "/all", true), bind("/sub", "/sub"), bind("/sub/a[1].txt", "/one")];
    const inputs: readonly Filesystem[] = [{ kind: "layers", diffIds: [base] }, context];
    const script = "ls /all; stat -c %u /all/sub; cat /sub/* /one; touch /all/new; touch /sub/x";
    const { step, lines } = stepOf(script, { mounts, validExitCodes: [1] }, { inputs });
    const result = await handler.run(step);
    assert.equal(lines[1], "sub\n0\na\na\n");
    assert.match(lines[2] ?? "", /\/sub\/x: Read-only file system/);
    assert.deepEqual((await readdir(path)).sort(), ["ignored", "sub"]);
    assert.equal(await read(result, "all"), undefined);
  });

  test("RUN: secrets as file and variable, in no layer", async () => {
    const secret = { type: "secret", required: true, mode: 0o400, uid: 0, gid: 0 } as const;
    const session = {
      ...NO_SESSION,
      secret: async (id: string) => {
        if (id === "s") return Buffer.from("hush");
        throw new EngineError("not_found", ErrorCode.BAD_REQUEST, `secret ${id}: not found`);
      },
    };
    const mounts: readonly ExecMount[] = [
      { ...secret, id: "s", target: "/run/secrets/s", environment: "HUSH" },
      { ...secret, id: "none", required: false, target: "/run/secrets/none", environment: undefined },
    ];
    const { step, lines } = stepOf("cat /run/secrets/s; echo $HUSH; ls /run/secrets", { mounts }, { session });
    const result = await handler.run(step);
    assert.equal(lines[1], "hushhush\ns\n");
    assert.equal(await read(result, "run"), undefined);
    const needed = stepOf(
      "true",
      { mounts: [{ ...secret, id: "none", target: "/x", environment: undefined }] },
      { session },
    );
    await assert.rejects(handler.run(needed.step), { category: "not_found", message: "secret none: not found" });
  });

  test("RUN: the key does not depend on limits and proxies, but on what can be seen", async () => {
    const keyOf = async (change: Partial<ExecOperation>): Promise<string> =>
      JSON.stringify((await handler.keyInputs(stepOf("true", change).step))?.values);
    const plain = await keyOf({});
    assert.equal(await keyOf({ proxyEnvironment: ["HTTP_PROXY=x"] }), plain);
    assert.equal(await keyOf({ limits: { ...PLAIN.limits, shmSize: 1 } }), plain);
    const others = [
      { environment: ["PATH=/sbin"] },
      { user: "web" },
      { workingDirectory: "/etc" },
      { network: "host" as const },
      { extraHosts: ["a:1.2.3.4"] },
      { mounts: [cacheMount()] },
      { platform: { os: "linux", architecture: "arm64" } },
    ];
    const keys = await Promise.all(others.map(keyOf));
    assert.equal(new Set([plain, ...keys]).size, others.length + 1);
  });
});
