import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, beforeEach, test } from "node:test";
import type { NetworkResource } from "#engineapi";
import { EngineError, ErrorCode } from "#errors";
import type { NetworkCatalog } from "#networks";
import { Exchange } from "../exchange.ts";
import { createRouter } from "../router.ts";
import { splitVersion } from "../version.ts";
import { networkRoutes } from "./networks.ts";

const resource = (name: string, containers: NetworkResource["Containers"] = {}): NetworkResource => ({
  Name: name,
  Id: `id-${name}`,
  Created: "2026-01-01T00:00:00Z",
  Scope: "local",
  Driver: "bridge",
  EnableIPv4: true,
  EnableIPv6: false,
  IPAM: { Driver: "default", Options: null, Config: [] },
  Internal: false,
  Attachable: false,
  Ingress: false,
  ConfigFrom: { Network: "" },
  ConfigOnly: false,
  Containers: containers,
  Options: {},
  Labels: {},
});
const member = { Name: "web", EndpointID: "e", MacAddress: "", IPv4Address: "", IPv6Address: "" };

let calls: unknown[] = [];
const catalog: NetworkCatalog = {
  create: async (request) => {
    calls.push(request);
    return { Id: "new", Warning: "" };
  },
  list: (filters) => {
    calls.push(Object.fromEntries(filters));
    return [resource("a")];
  },
  inspect: (reference, scope) => {
    calls.push([reference, scope]);
    if (reference === "nope") throw new EngineError("not_found", ErrorCode.NETWORK_NOT_FOUND, "network nope not found");
    return resource(reference, { c: member });
  },
  remove: async (reference) => void calls.push(reference),
  prune: async (filters) => {
    calls.push(Object.fromEntries(filters));
    return { NetworksDeleted: null };
  },
};
const members = {
  connect: async (network: string, request: unknown) => void calls.push(["connect", network, request]),
  disconnect: async (network: string, request: unknown) => void calls.push(["disconnect", network, request]),
};

const find = createRouter(networkRoutes(catalog, members));
const server = createServer((request, response) => {
  const url = new URL(request.url ?? "/", "http://host");
  const { version, path } = splitVersion(url.pathname);
  const exchange = new Exchange({ request, response, upgrade: undefined, query: url.searchParams });
  const match = find(request.method ?? "", path);
  void (async () => {
    try {
      await match?.handler(exchange.routed(version, match.params));
    } catch (error) {
      exchange.text(418, error instanceof Error ? error.message : "");
    }
  })();
});
let base: string;

before(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => server.close());
beforeEach(() => {
  calls = [];
});

async function ask(method: string, path: string, body?: unknown): Promise<{ status: number; text: string }> {
  const answer = await fetch(base + path, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } }),
  });
  return { status: answer.status, text: await answer.text() };
}

test("network routes: lists hold no containers, but those of old versions do", async () => {
  const filters = encodeURIComponent(JSON.stringify({ driver: ["bridge"] }));
  const { status, text } = await ask("GET", `/v1.45/networks?filters=${filters}`);
  assert.equal(status, 200);
  const { EnableIPv4: _, ...before } = resource("a");
  assert.deepEqual(JSON.parse(text), [before]);
  assert.deepEqual(JSON.parse((await ask("GET", "/v1.48/networks")).text), [resource("a")]);
  assert.deepEqual(calls, [{ driver: ["bridge"] }, {}]);
  const old = await ask("GET", "/v1.27/networks");
  const { EnableIPv4: __, ...whole } = resource("id-a", { c: member });
  assert.deepEqual(JSON.parse(old.text), [whole]);
});

test("network routes: inspect passes the scope on and checks verbose", async () => {
  assert.equal((await ask("GET", "/networks/net?scope=local&verbose=1")).status, 200);
  assert.equal((await ask("GET", "/networks/net")).status, 200);
  assert.deepEqual(calls, [
    ["net", "local"],
    ["net", undefined],
  ]);
  assert.deepEqual(await ask("GET", "/networks/nope"), { status: 418, text: "network nope not found" });
  assert.deepEqual(await ask("GET", "/networks/net?verbose=x"), {
    status: 418,
    text: 'invalid value for verbose: x: strconv.ParseBool: parsing "x": invalid syntax',
  });
});

test("network routes: create, remove and prune", async () => {
  const created = await ask("POST", "/networks/create", { Name: "net" });
  assert.deepEqual([created.status, JSON.parse(created.text)], [201, { Id: "new", Warning: "" }]);
  assert.deepEqual(await ask("DELETE", "/networks/net"), { status: 204, text: "" });
  const pruned = await ask("POST", "/networks/prune");
  assert.deepEqual([pruned.status, JSON.parse(pruned.text)], [200, { NetworksDeleted: null }]);
  assert.deepEqual(calls, [{ Name: "net" }, "net", {}]);
});

test("network routes: containers join and leave", async () => {
  assert.deepEqual(await ask("POST", "/networks/net/connect", { Container: "web" }), { status: 200, text: "" });
  assert.deepEqual(await ask("POST", "/networks/net/disconnect", { Container: "web", Force: true }), {
    status: 200,
    text: "",
  });
  assert.deepEqual(calls, [
    ["connect", "net", { Container: "web" }],
    ["disconnect", "net", { Container: "web", Force: true }],
  ]);
});
