import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { forgetFlows } from "./conntrack.ts";
import { isErrno } from "./syscallError.ts";

const TABLE = "/proc/net/nf_conntrack";

/** Flows of datagrams to a port, as the kernel lists them; undefined: it keeps or shows none. */
function flowsTo(port: number): number | undefined {
  try {
    const lines = readFileSync(TABLE, "utf8").split("\n");
    return lines.filter((line) => line.includes(" udp ") && line.includes(`dport=${port} `)).length;
  } catch {
    return undefined;
  }
}

test("forgetFlows: flows to a port of the host go, others stay", async (context) => {
  const receivers = [createSocket("udp4"), createSocket("udp4")];
  const sender = createSocket("udp4");
  try {
    const ports: number[] = [];
    for (const receiver of receivers) {
      receiver.bind(0, "127.0.0.1");
      await once(receiver, "listening");
      const arrived = once(receiver, "message");
      sender.send("x", receiver.address().port, "127.0.0.1");
      await arrived;
      ports.push(receiver.address().port);
    }
    const [one = 0, other = 0] = ports;
    if (flowsTo(one) !== 1) return context.skip(`needs a kernel that keeps track of loopback's flows (${TABLE})`);
    const target = Uint8Array.of(192, 0, 2, 1);
    try {
      forgetFlows([{ hostPort: one, target, targetPort: 1 }]);
    } catch (error) {
      if (!isErrno(error, "EPERM")) throw error;
      return context.skip("needs root");
    }
    assert.deepEqual([flowsTo(one), flowsTo(other)], [0, 1]);
  } finally {
    for (const socket of [...receivers, sender]) socket.close();
  }
});
