import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { bootId } from "#host";
import { sharedDirectory } from "./peers.ts";

test("peers: a directory is shared with our own user of this machine, if both see the same one", async () => {
  const folder = mkdtempSync(join(tmpdir(), "varve-peers-"));
  const server = createServer();
  server.listen(join(folder, "s"));
  await once(server, "listening");
  const incoming = once(server, "connection");
  const client = connect(join(folder, "s"));
  const [socket] = (await incoming) as [Socket];
  try {
    const machine = await bootId();
    const { dev, ino } = statSync(folder, { bigint: true });
    const directory = { path: folder, device: String(dev), inode: String(ino) };
    assert.equal(await sharedDirectory(socket, machine, directory), folder);
    assert.equal(await sharedDirectory(socket, "other", directory), undefined);
    assert.equal(await sharedDirectory(socket, "", directory), undefined);
    assert.equal(await sharedDirectory(socket, machine, { ...directory, inode: "1" }), undefined);
    assert.equal(await sharedDirectory(socket, machine, { ...directory, path: `${folder}/no` }), undefined);
    const file = join(folder, "f");
    writeFileSync(file, "");
    const inode = String(statSync(file, { bigint: true }).ino);
    assert.equal(await sharedDirectory(socket, machine, { ...directory, path: file, inode }), undefined);
  } finally {
    client.destroy();
    socket.destroy();
    server.close();
    rmSync(folder, { recursive: true });
  }
});
