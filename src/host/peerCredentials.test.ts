import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { peerCredentials } from "./peerCredentials.ts";

async function accepted(server: Server, dial: () => Socket): Promise<readonly [accepted: Socket, client: Socket]> {
  const incoming = once(server, "connection");
  const client = dial();
  await once(client, "connect");
  const [socket] = (await incoming) as [Socket];
  return [socket, client];
}

test("peer credentials: of the process at the other end of a Unix socket", async () => {
  const folder = mkdtempSync(join(tmpdir(), "varve-peer-"));
  const server = createServer();
  try {
    const path = join(folder, "s");
    server.listen(path);
    await once(server, "listening");
    const [socket, client] = await accepted(server, () => connect(path));
    const { pid, uid, gid } = peerCredentials(socket) ?? {};
    assert.deepEqual([pid, uid, gid], [process.pid, process.getuid?.(), process.getgid?.()]);
    client.destroy();
    socket.destroy();
    assert.equal(peerCredentials(socket), undefined);
  } finally {
    server.close();
    rmSync(folder, { recursive: true });
  }
});

test("peer credentials: none over TCP", async () => {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  const [socket, client] = await accepted(server, () => connect(address.port, "127.0.0.1"));
  assert.equal(peerCredentials(socket), undefined);
  client.destroy();
  socket.destroy();
  server.close();
});
