/** Graphs of BuildKit's own operations (LLB), as buildctl and client libraries send them: by the wire, on a real daemon. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { after, before, describe, test } from "node:test";
import { digestOf } from "#oci";
import { GrpcClient } from "../../src/buildkit/grpc/client.ts";
import { serveGrpc, unary } from "../../src/buildkit/grpc/server.ts";
import { encode } from "../../src/buildkit/wire/encode.ts";
import type { Encodable } from "../../src/buildkit/wire/types.ts";
import { openRemotes } from "./build/support/remotes.ts";
import { startDaemon } from "./support/daemon.ts";
import type { TestDaemon } from "./support/daemon.ts";
import { pluginConfig } from "./support/engine.ts";
import { busyboxRootfs } from "./support/rootfs.ts";

const NOTHING = -1;

/** A graph in the making: operations by digest, the last one the result. */
class Graph {
  readonly #operations: Uint8Array[] = [];
  readonly #metadata: Record<string, Encodable<"OpMetadata">> = {};

  add(operation: Encodable<"Op">, description: Readonly<Record<string, string>> = {}): Encodable<"OpInput"> {
    const bytes = encode("Op", operation);
    const digest = digestOf(bytes);
    this.#operations.push(bytes);
    this.#metadata[digest] = { description };
    return { digest, index: 0 };
  }

  bytes(result: Encodable<"OpInput">): Uint8Array {
    const last = encode("Op", { inputs: [result] });
    return encode("Definition", { def: [...this.#operations, last], metadata: this.#metadata });
  }
}

describe("definitions", () => {
  let daemon: TestDaemon;

  const upgrade = async (path: string, headers: Readonly<Record<string, string | string[]>>): Promise<Duplex> => {
    const request = httpRequest({
      socketPath: daemon.socket,
      method: "POST",
      path,
      headers: { Connection: "Upgrade", Upgrade: "h2c", ...headers },
    });
    request.end();
    const [, socket, head] = (await once(request, "upgrade")) as [IncomingMessage, Duplex, Uint8Array];
    if (head.length > 0) socket.unshift(head);
    return socket;
  };

  /** A build from a client whose only secret is `s`. */
  const solve = async (definition: Uint8Array, request: Encodable<"SolveRequest"> = {}): Promise<void> => {
    const session = randomUUID();
    const secret = "/moby.buildkit.secrets.v1.Secrets/GetSecret";
    const theirs = await upgrade("/session", {
      "X-Docker-Expose-Session-Uuid": session,
      "X-Docker-Expose-Session-Grpc-Method": [secret],
    });
    const methods = new Map([[secret, unary("GetSecretRequest", "Bytes", () => ({ data: Buffer.from("hush") }))]]);
    void serveGrpc(theirs, { methods, onFailure: () => undefined });
    const client = new GrpcClient(await upgrade("/grpc", {}));
    try {
      const asked = { ref: randomUUID(), session, definition, ...request };
      await client.unary("/moby.buildkit.v1.Control/Solve", ["SolveRequest", "SolveResponse"], asked);
    } finally {
      client.close();
      theirs.destroy();
    }
  };
  const toImage = (name: string): Encodable<"SolveRequest"> => ({ exporters: [{ type: "moby", attrs: { name } }] });
  const show = (image: string, ...words: readonly string[]): Promise<string> =>
    daemon.mustDocker(["run", "--rm", "--network", "none", image, ...words]);

  before(async () => {
    daemon = await startDaemon();
    await daemon.mustDocker(["import", "-", "box:1"], { input: await busyboxRootfs() });
  });
  after(async () => {
    await daemon[Symbol.asyncDispose]();
  });

  test("image, files, command, merge: one image with BuildKit's history", async () => {
    const graph = new Graph();
    const box = graph.add({ source: { identifier: "docker-image://docker.io/library/box:1" } });
    const files = graph.add({
      file: {
        actions: [
          { input: NOTHING, secondaryInput: NOTHING, output: NOTHING, mkdir: { path: "/d", mode: 0o750 } },
          {
            input: 0,
            secondaryInput: NOTHING,
            output: NOTHING,
            mkfile: {
              path: "/d/f",
              mode: 0o604,
              data: Buffer.from("made"),
              owner: { user: { byId: 7 }, group: { byId: 8 } },
            },
          },
          { input: 1, secondaryInput: NOTHING, symlink: { oldpath: "f", newpath: "/d/l" } },
        ],
      },
    });
    const onBox = graph.add({
      inputs: [box, files],
      file: {
        actions: [
          {
            input: 0,
            secondaryInput: 1,
            output: NOTHING,
            copy: { src: "/d", dest: "/into/", mode: -1, dirCopyContents: true },
          },
          { input: 2, secondaryInput: 1, output: NOTHING, copy: { src: "/d", dest: "/into", mode: -1 } },
          { input: 3, secondaryInput: NOTHING, rm: { path: "/etc/group" } },
        ],
      },
    });
    const ran = graph.add(
      {
        inputs: [onBox, files],
        exec: {
          meta: {
            args: ["/bin/sh", "-c", "cat /mnt/f $S_FILE > /out; echo $S >> /out; exit 3"],
            cwd: "/",
            env: ["S_FILE=/s"],
            validExitCodes: [3],
          },
          mounts: [
            { dest: "/", input: 0 },
            { dest: "/mnt", input: 1, selector: "/d", readonly: true, output: NOTHING },
            { dest: "/s", input: NOTHING, output: NOTHING, mountType: 1, secretOpt: { id: "s", mode: 0o400 } },
            { dest: "/t", input: NOTHING, output: NOTHING, mountType: 4, tmpfsOpt: { size: 4096 } },
          ],
          secretenv: [{ id: "s", name: "S" }],
          network: 2,
        },
      },
      { "llb.customname": "run it" },
    );
    const all = graph.add({ inputs: [ran, files], merge: { inputs: [{ input: 0 }, { input: 1 }] } });
    await solve(graph.bytes(all), toImage("docker.io/library/llb:1"));
    assert.equal(await show("llb:1", "cat", "/out"), "madehushhush\n");
    const listed = await show(
      "llb:1",
      "sh",
      "-c",
      "stat -c '%a %u:%g %n' /d /d/f /into/f /into/d/f; readlink /into/d/l; ls /etc/group 2> /dev/null; true",
    );
    assert.match(listed, /^750 0:0 \/d\n604 7:8 \/d\/f\n604 7:8 \/into\/f\n604 7:8 \/into\/d\/f\nf\n$/);
    const history = await daemon.mustDocker([
      "history",
      "--no-trunc",
      "--format",
      "{{.CreatedBy}}|{{.Comment}}",
      "llb:1",
    ]);
    assert.deepEqual(
      history
        .trim()
        .split("\n")
        .map((line) => line.replace(/exec .*\|/s, "exec …|")),
      [
        "mkdir /d, mkfile /d/f, symlink /d/l -> f|buildkit.exporter.image.v0",
        "mount / from exec …|buildkit.exporter.image.v0",
        "copy /d /into/, copy /d /into, rm /etc/group|buildkit.exporter.image.v0",
        "pulled from docker-image://docker.io/library/box:1|buildkit.exporter.image.v0",
      ],
    );
    assert.equal(
      await daemon.mustDocker(["inspect", "-f", "{{.Config.WorkingDir}} {{json .Config.Cmd}}", "llb:1"]),
      "/ null\n",
    );
  });

  test("what cannot be done is told, and what is not allowed", async () => {
    const graph = new Graph();
    const box = graph.add({ source: { identifier: "docker-image://docker.io/library/box:1" } });
    const exec = (more: Encodable<"ExecOp">): Encodable<"OpInput"> =>
      graph.add({
        inputs: [box],
        exec: { meta: { args: ["true"], cwd: "/" }, mounts: [{ dest: "/", input: 0 }], ...more },
      });
    await assert.rejects(solve(graph.bytes(exec({ network: 1 }))), /network\.host is not allowed/);
    await assert.rejects(solve(graph.bytes(exec({ mounts: [] }))), /invalid exec op with no rootfs/);
    await assert.rejects(
      solve(graph.bytes(graph.add({ source: { identifier: "what://x" } }))),
      /source what:\/\/x is not supported/,
    );
    await assert.rejects(solve(graph.bytes({ digest: digestOf("other"), index: 0 })), /invalid missing input digest/);
    const failing = exec({ meta: { args: ["/bin/sh", "-c", "exit 5"], cwd: "/" } });
    await assert.rejects(
      solve(graph.bytes(failing)),
      /process "\/bin\/sh -c exit 5" did not complete successfully: exit code: 5/,
    );
  });

  test("docker buildx bake: its file and context from a repository", async () => {
    const files = {
      "docker-bake.json": '{"target":{"default":{"tags":["baked:1"],"args":{"A":"b"}}}}',
      Dockerfile: "FROM box:1\nARG A\nCOPY Dockerfile /$A\n",
    };
    await using remotes = await openRemotes({ repositories: { app: [{ files }] } });
    const env = { DOCKER_CONFIG: await pluginConfig() };
    const baked = await daemon.docker(["buildx", "bake", "--progress=plain", `http://${remotes.address}/app.git`], {
      env,
    });
    assert.equal(baked.code, 0, baked.stderr);
    assert.match(baked.stderr, /\[internal\] load git source/);
    assert.match(await show("baked:1", "cat", "/b"), /^FROM box:1\n/);
  });
});
