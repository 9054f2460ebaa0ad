import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { describe, it } from "node:test";
import { openContentStore } from "#content";
import { digestOf } from "#oci";
import { contentStoreContract } from "./contentStoreContract.ts";
import { temporaryDirectory } from "./temporaryDirectory.ts";

contentStoreContract("content store", (root) => openContentStore({ root }));

/** Runs `body` in a process of its own, with `store` open on `root`. */
function program(root: string, body: string): ChildProcess {
  const code = `
    import { openContentStore } from "#content";
    const store = await openContentStore({ root: process.argv[1] });
    ${body}
  `;
  return spawn(process.execPath, ["-e", code, root], {
    cwd: resolve(import.meta.dirname, "../.."),
    stdio: ["ignore", "pipe", "inherit"],
  });
}

describe("content store: processes", () => {
  it("commit: two processes that store the same blob both succeed", async () => {
    await using folder = await temporaryDirectory();
    const body = `
      for (let round = 0; round < 20; round += 1) {
        await using writer = await store.openIngest(process.pid + "-" + round);
        await writer.write(Buffer.alloc(1 << 20, round));
        await writer.commit({});
      }
      await store[Symbol.asyncDispose]();
    `;
    const codes = await Promise.all([1, 2].map(async () => (await once(program(folder.path, body), "exit"))[0]));
    assert.deepEqual(codes, [0, 0]);
    await using store = await openContentStore({ root: folder.path });
    const expected = Array.from({ length: 20 }, (_, round) => digestOf(Buffer.alloc(1 << 20, round)));
    assert.deepEqual((await Array.fromAsync(store.list())).map((info) => info.digest).sort(), expected.sort());
    assert.equal((await store.verifyUnsynced()).kept, 20);
    assert.deepEqual(await store.listIngests(), []);
  });

  it("commit: what is visible is whole when the process is killed at any moment", async () => {
    await using folder = await temporaryDirectory();
    const body = `
      for (let round = 0; ; round += 1) {
        await store.put(Buffer.from("put " + round));
        await using writer = await store.openIngest("ref " + round);
        await writer.write(Buffer.alloc(300_000, round));
        await writer.commit({});
        if (round % 3 === 2) await store.remove((await Array.fromAsync(store.list()))[0].digest);
        if (round === 3) process.stdout.write("busy");
      }
    `;
    for (const delayMs of [0, 3, 11, 29]) {
      const child = program(folder.path, body);
      assert.ok(child.stdout !== null);
      await Promise.race([once(child.stdout, "data"), once(child, "exit")]);
      await new Promise((wake) => setTimeout(wake, delayMs));
      child.kill("SIGKILL");
      await once(child, "exit");
      await using store = await openContentStore({ root: folder.path });
      assert.deepEqual((await store.verifyUnsynced()).dropped, []);
      assert.deepEqual(await store.listIngests(), []);
    }
    await using store = await openContentStore({ root: folder.path });
    await store[Symbol.asyncDispose]();
    assert.deepEqual(await readdir(join(folder.path, "trash")), []);
  });
});
