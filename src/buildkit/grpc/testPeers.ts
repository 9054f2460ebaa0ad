import { duplexPair } from "node:stream";
import type { Duplex } from "node:stream";
import type { TestContext } from "node:test";
import { GrpcClient } from "./client.ts";
import { serveGrpc } from "./server.ts";
import type { Method } from "./server.ts";

/** Both ends of a connection; it ends with the test. */
export function connection(t: TestContext): readonly [Duplex, Duplex] {
  const [near, far] = duplexPair();
  t.after(() => {
    near.destroy();
    far.destroy();
  });
  return [near, far];
}

/** A connection whose far side serves these methods: the near end of it. */
export function servedBy(t: TestContext, methods: Readonly<Record<string, Method>>): Duplex {
  const [near, far] = connection(t);
  void serveGrpc(far, { methods: new Map(Object.entries(methods)), onFailure: () => undefined });
  return near;
}

/** A client of a peer that serves these methods. */
export function clientOf(t: TestContext, methods: Readonly<Record<string, Method>>): GrpcClient {
  const client = new GrpcClient(servedBy(t, methods));
  t.after(() => client.close());
  return client;
}
