import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { digestOf } from "#oci";
import type { DiffId } from "#oci";
import type { OperationHandler } from "../graph/handler.ts";
import type { HttpSource } from "../graph/operation.ts";
import { openTestRooms } from "../testRooms.ts";
import type { TestRooms } from "../testRooms.ts";
import { createUrlHandler } from "./createUrlHandler.ts";
import { filenameOf } from "./filename.ts";
import { testStep } from "./testStep.ts";

async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
}

function source(url: string, more: Partial<HttpSource> = {}): HttpSource {
  const none = { checksum: undefined, filename: undefined, mode: undefined, uid: undefined, gid: undefined };
  return { kind: "http", url, ...none, unpack: false, ...more };
}

const none: OperationHandler<HttpSource> = {
  keyInputs: () => Promise.reject(new Error("no context here")),
  run: () => Promise.reject(new Error("no context here")),
};

/** Key and layer of a source. */
async function done(rooms: TestRooms, operation: HttpSource): Promise<[unknown, DiffId]> {
  const handler = createUrlHandler({ layers: rooms.layers, dataRoot: rooms.directory, contexts: none });
  const step = testStep(operation);
  const key = await handler.keyInputs(step);
  const result = await handler.run(step);
  assert.equal(result.kind, "layers");
  const [diffId] = result.kind === "layers" ? result.diffIds : [];
  assert.ok(diffId);
  return [key?.values, diffId];
}

async function filesOf(rooms: TestRooms, diffId: DiffId): Promise<readonly string[]> {
  await using view = await rooms.layers.openView([diffId]);
  return Array.from(view.walk(), ({ path, stat }) => `${path} ${stat.mode.toString(8)} ${stat.mtimeSeconds}`).slice(1);
}

test("http source: a file has the server's time and name, and is not fetched again while its ETag holds", async (t) => {
  const rooms = await openTestRooms(t);
  const seen: (string | undefined)[] = [];
  const url = await serve(t, (request, response) => {
    const match = request.headers["if-none-match"];
    seen.push(match);
    if (request.url === "/start") return response.writeHead(302, { Location: "/end" }).end();
    response.setHeader("ETag", '"1"');
    if (match === '"1"') return response.writeHead(304).end();
    response.setHeader("Last-Modified", "Thu, 01 Jan 1970 00:01:40 GMT");
    return response.setHeader("Content-Disposition", 'attachment; filename="../named"').end("hello");
  });
  const [key, diffId] = await done(rooms, source(`${url}/start`));
  const values = {
    file: digestOf("hello"),
    filename: "named",
    modified: "100",
    mode: "384",
    owner: "0:0",
  };
  assert.deepEqual(key, values);
  assert.deepEqual(await filesOf(rooms, diffId), ["named 600 100"]);
  assert.deepEqual(await done(rooms, source(`${url}/start`)), [key, diffId]);
  assert.deepEqual(seen, [undefined, undefined, '"1"', '"1"']);
});

test("http source: other answers, endless redirects and other bytes than promised are refused", async (t) => {
  const rooms = await openTestRooms(t);
  const url = await serve(t, (request, response) => {
    if (request.url === "/loop") return response.writeHead(302, { Location: "/loop" }).end();
    if (request.url === "/file") return response.writeHead(302, { Location: "file:///etc/passwd" }).end();
    return request.url === "/a" ? response.end("a") : response.writeHead(404).end();
  });
  await assert.rejects(done(rooms, source(`${url}/nosuch`)), { message: "invalid response status 404" });
  await assert.rejects(done(rooms, source(`${url}/loop`)), { message: /stopped after 10 redirects$/ });
  await assert.rejects(done(rooms, source(`${url}/file`)), { message: /unsupported protocol scheme "file"$/ });
  const checksum = digestOf("b");
  await assert.rejects(done(rooms, source(`${url}/a`, { checksum, filename: "a" })), {
    message: `digest mismatch ${digestOf("a")}: ${checksum}`,
  });
});

test("filenameOf: asked for, told, or the URL's; never a way out", () => {
  const url = "http://host/a/b%20c?x=1";
  assert.equal(filenameOf({ url, filename: "x" }, 'attachment; filename="y"'), "x");
  assert.equal(filenameOf({ url, filename: undefined }, 'attachment; filename="y"'), "y");
  assert.equal(filenameOf({ url, filename: undefined }, "attachment; filename*=UTF-8''z%C3%A9"), "zé");
  assert.equal(filenameOf({ url, filename: undefined }), "b c");
  assert.equal(filenameOf({ url: "http://host/", filename: undefined }), "download");
  assert.equal(filenameOf({ url: "http://host/..%2f..", filename: undefined }), "download");
});
