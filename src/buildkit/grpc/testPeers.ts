import { duplexPair } from "node:stream";
import type { Duplex } from "node:stream";
import { GrpcClient } from "./client.ts";
import { serveGrpc } from "./server.ts";
import type { Method } from "./server.ts";

/** The part of node:test's context that is needed here. */
interface Closing {
  after(close: () => void): void;
}

/** Both ends of a connection; it ends with the test. */
export function connection(t: Closing): readonly [Duplex, Duplex] {
  const [near, far] = duplexPair();
  t.after(() => {
    near.destroy();
    far.destroy();
  });
  return [near, far];
}

/** A connection whose far side serves these methods: the near end of it. */
export function servedBy(t: Closing, methods: Readonly<Record<string, Method>>): Duplex {
  const [near, far] = connection(t);
  void serveGrpc(far, { methods: new Map(Object.entries(methods)), onFailure: () => undefined });
  return near;
}

/** A client of a peer that serves these methods. */
export function clientOf(t: Closing, methods: Readonly<Record<string, Method>>): GrpcClient {
  const client = new GrpcClient(servedBy(t, methods));
  t.after(() => client.close());
  return client;
}
