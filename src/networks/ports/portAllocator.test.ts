import assert from "node:assert/strict";
import { test } from "node:test";
import { PortAllocator } from "./portAllocator.ts";

test("port allocator: a port is taken for a protocol at an address", () => {
  const ports = new PortAllocator({ from: 100, to: 103 });
  ports.take("tcp", ["0.0.0.0", "::"], 80);
  assert.equal(ports.isFree("tcp", ["0.0.0.0"], 80), false);
  assert.equal(ports.isFree("tcp", ["127.0.0.1", "::"], 80), false);
  assert.equal(ports.isFree("tcp", ["127.0.0.1"], 80), true);
  assert.equal(ports.isFree("udp", ["0.0.0.0"], 80), true);
  ports.release("tcp", ["0.0.0.0", "::"], 80);
  assert.equal(ports.isFree("tcp", ["0.0.0.0", "::"], 80), true);
});

test("port allocator: any port is the one behind the last, around the whole range", () => {
  const ports = new PortAllocator({ from: 100, to: 103 });
  const first = (): number | undefined => ports.dynamicPorts().next().value ?? undefined;
  assert.deepEqual([first(), first(), first()], [100, 101, 102]);
  assert.deepEqual([...ports.dynamicPorts()], [103, 100, 101, 102]);
});
