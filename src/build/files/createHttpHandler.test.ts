import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { digestOf } from "#oci";
import { writeTarStream } from "#tar";
import type { Step } from "../graph/handler.ts";
import type { HttpSource } from "../graph/operation.ts";
import type { BuildSession } from "../session.ts";
import { ContextStore } from "./contextStore.ts";
import { createHttpHandler } from "./createHttpHandler.ts";
import { showContext } from "./filesTestbed.ts";

let folder = "";
let server: Server;
let base = "";
const held: Disposable[] = [];

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "varve-http-"));
  server = createServer((request, response) => {
    if (request.url === "/moved") response.writeHead(302, { Location: "/file" }).end();
    else if (request.url === "/file") {
      response.writeHead(200, { "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT" }).end("bytes");
    } else response.writeHead(404).end("no");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  base = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
});

after(() => {
  for (const one of held) one[Symbol.dispose]();
  server.close();
  server.closeAllConnections();
  rmSync(folder, { recursive: true });
});

async function run(operation: Partial<HttpSource> & { readonly url: string }, upload?: Uint8Array): Promise<string[]> {
  const contexts = new ContextStore({ root: join(folder, "contexts"), now: Date.now });
  const handler = createHttpHandler({ contexts, spoolDirectory: join(folder, "spool") });
  const nothing = {
    kind: "http",
    checksum: undefined,
    filename: undefined,
    mode: undefined,
    uid: undefined,
    gid: undefined,
    unpack: false,
  } as const;
  const session: Partial<BuildSession> = {
    async *upload() {
      if (upload !== undefined) yield upload;
    },
  };
  const step = {
    operation: { ...nothing, ...operation },
    session,
    signal: new AbortController().signal,
    progress: { status: () => undefined, log: () => undefined },
    lease: {
      keepLayer: () => undefined,
      keepBlob: () => undefined,
      hold: (thing: Disposable) => void held.push(thing),
    },
  } as unknown as Step<HttpSource>;
  const result = await handler.run(step);
  assert.ok(result.kind === "context" && "list" in result.directory);
  return showContext(result.directory);
}

test("http: one file, with the time that the server tells, through redirects", async () => {
  assert.deepEqual(await run({ url: `${base}/moved`, filename: "f" }), ["f 100600 0:0 1 bytes"]);
  await run({ url: `${base}/file`, filename: "f", checksum: digestOf("bytes") });
});

test("http: other bytes than the checksum's, and what is not there, are errors", async () => {
  await assert.rejects(run({ url: `${base}/file`, checksum: digestOf("x") }), {
    message: `digest mismatch ${digestOf("bytes")}: ${digestOf("x")}`,
  });
  await assert.rejects(run({ url: `${base}/no` }), {
    message: "failed to load cache key: invalid response status 404",
  });
});

test("http: an archive that a client sends is a directory, a file that is none stays one", async () => {
  const tar = Buffer.concat(
    await Array.fromAsync(
      writeTarStream([{ header: { path: "d/f", type: "file", mode: 0o600, size: 1 }, body: [Buffer.from("x")] }]),
    ),
  );
  const url = "http://buildkit-session/1";
  assert.deepEqual(await run({ url, unpack: true }, tar), ["d 40755 0:0", "d/f 100600 0:0 1 x"]);
  const alone = await run({ url, unpack: true, filename: "context" }, Buffer.from("FROM x"));
  assert.deepEqual(alone, ["context 100600 0:0 1 FROM x"]);
});
