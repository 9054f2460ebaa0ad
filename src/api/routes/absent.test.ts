import assert from "node:assert/strict";
import { test } from "node:test";
import { createRouter } from "../router.ts";
import { absentRoutes } from "./absent.ts";
import type { Exchange } from "../exchange.ts";

const find = createRouter(absentRoutes());

function call(method: string, path: string): { readonly status: number; readonly value: unknown } {
  const match = find(method, path);
  assert.ok(match !== undefined, `${method} ${path} has no route`);
  const answers: { readonly status: number; readonly value: unknown }[] = [];
  const exchange = {
    param: (name: string) => match.params[name] ?? "",
    json: (status: number, value: unknown) => void answers.push({ status, value }),
  } as unknown as Exchange;
  void match.handler(exchange);
  const [answer] = answers;
  assert.ok(answer !== undefined);
  return answer;
}

test("swarm: questions get dockerd's words for a node outside a swarm", () => {
  for (const path of [
    "/swarm",
    "/services",
    "/nodes",
    "/tasks",
    "/secrets",
    "/configs",
    "/services/x",
    "/swarm/unlockkey",
  ])
    assert.throws(() => call("GET", path), { category: "unavailable", message: /^This node is not a swarm manager\./ });
  assert.throws(() => call("POST", "/swarm/leave"), { message: "This node is not part of a swarm" });
});

test("swarm: orders are refused", () => {
  for (const path of ["/swarm/init", "/swarm/join"])
    assert.throws(() => call("POST", path), { category: "not_implemented" });
});

test("plugins and build cache: none", () => {
  assert.deepEqual(call("GET", "/plugins"), { status: 200, value: [] });
  assert.throws(() => call("GET", "/plugins/x/json"), { category: "not_found", message: 'plugin "x" not found' });
});
