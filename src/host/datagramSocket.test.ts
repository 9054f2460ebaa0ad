import assert from "node:assert/strict";
import { closeSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { isNotFound } from "#errors";
import { SOCKET } from "./constants.ts";
import { DatagramSocket } from "./datagramSocket.ts";
import { nativeFunction } from "./libc.ts";
import { unixAddress } from "./packetSocket.ts";
import { checked, isErrno } from "./syscallError.ts";

const socket = nativeFunction<[number, number, number]>("int socket(int, int, int)");
const bind = nativeFunction<[number, Buffer, number]>("int bind(int, const void*, uint32_t)");
const recv = nativeFunction<[number, Buffer, number, number]>("int64_t recv(int, void*, size_t, int)");

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), "varve-datagram-"));
});
after(() => rmSync(folder, { recursive: true }));

function listen(path: string): number {
  const fd = checked("socket", undefined, socket.call(SOCKET.AF_UNIX, SOCKET.DGRAM | SOCKET.CLOEXEC, 0));
  const address = unixAddress(path);
  checked("bind", path, bind.call(fd, address, address.byteLength));
  return fd;
}

test("datagram socket: a full queue says so and does not wait, a receiver that is gone is an error", () => {
  const path = join(folder, "a");
  const receiver = listen(path);
  using sender = DatagramSocket.connect(path);
  assert.equal(sender.send(Buffer.from("one")), true);
  const buffer = Buffer.alloc(16);
  assert.equal(buffer.toString("latin1", 0, recv.call(receiver, buffer, buffer.length, 0)), "one");
  let sent = 0;
  while (sender.send(Buffer.from("x"))) sent += 1;
  assert.ok(sent > 0);
  closeSync(receiver);
  assert.throws(
    () => sender.send(Buffer.from("x")),
    (error) => isErrno(error, "ECONNREFUSED"),
  );
});

test("datagram socket: nothing there, or no socket", () => {
  assert.throws(() => DatagramSocket.connect(join(folder, "none")), isNotFound);
  const file = join(folder, "file");
  writeFileSync(file, "");
  assert.throws(
    () => DatagramSocket.connect(file),
    (error) => isErrno(error, "ECONNREFUSED"),
  );
});
