import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import { appOn, describe, manifestBytes, specError, startServer, testClient } from "./testing/scriptedServer.ts";
import type { UploadBlob } from "./registryClient.ts";
import type { ScriptedServer, SeenRequest } from "./testing/scriptedServer.ts";

const BLOB = randomBytes(200_000);
const { digest: DIGEST } = describe(BLOB);
const CHUNK = 16 << 20;

async function* pieces(bytes: Uint8Array, size = 64 << 10): AsyncGenerator<Uint8Array, void, void> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** Uploads as distribution-spec has them; `trouble` may answer (true) before. */
class UploadRegistry {
  received: Buffer = Buffer.alloc(0);
  committed: string | undefined;
  location = "/upload/1?state=a%2Fb";
  readonly ranges: (string | undefined)[] = [];
  trouble: (request: SeenRequest, response: ServerResponse) => boolean = () => false;

  start(): Promise<ScriptedServer> {
    return startServer((request, response) => {
      if (!this.trouble(request, response)) this.answer(request, response);
    });
  }

  answer({ method, target, headers, body }: SeenRequest, response: ServerResponse): void {
    const digest = new URL(target, "http://h").searchParams.get("digest");
    if (method === "POST") this.received = Buffer.alloc(0);
    if (method === "PATCH") this.take(headers, body);
    if (method === "PUT") {
      this.received = Buffer.concat([this.received, body]);
      this.committed = digest ?? undefined;
      response.writeHead(201).end();
      return;
    }
    response.writeHead(method === "GET" ? 204 : 202, {
      location: this.location,
      range: `0-${Math.max(0, this.received.length - 1)}`,
    });
    response.end();
  }

  take(headers: IncomingHttpHeaders, body: Buffer): void {
    this.ranges.push(headers["content-range"]);
    this.received = Buffer.concat([this.received, body]);
  }
}

test("uploadBlob: POST then PUT with the size when it is known", async () => {
  const registry = new UploadRegistry();
  await using server = await registry.start();
  await using client = testClient();
  const told: number[] = [];
  await client.repository(appOn(server), { scope: "push" }).uploadBlob({
    digest: DIGEST,
    size: BLOB.length,
    open: () => pieces(BLOB),
    onProgress: (sent) => void told.push(sent),
  });
  assert.deepEqual([registry.received.equals(BLOB), registry.committed], [true, DIGEST]);
  assert.deepEqual(
    server.seen.map(({ method, target }) => `${method} ${target}`),
    ["POST /v2/app/blobs/uploads/", `PUT /upload/1?state=a%2Fb&digest=${encodeURIComponent(DIGEST)}`],
  );
  assert.equal(server.seen[1]?.headers["content-length"], String(BLOB.length));
  assert.equal(told.at(-1), BLOB.length);
});

/** A blob whose size is told by its end; `open` from any offset. */
function growing(bytes: Uint8Array, opened: number[] = []): UploadBlob {
  return {
    digest: async () => describe(bytes).digest,
    size: undefined,
    open: (offset) => {
      opened.push(offset);
      return pieces(bytes.subarray(offset));
    },
  };
}

test("uploadBlob: one PATCH without a length when the size is not known, digest told at the end", async () => {
  const bytes = randomBytes(CHUNK + 1000);
  const registry = new UploadRegistry();
  await using server = await registry.start();
  registry.location = `${server.url}/absolute`;
  await using client = testClient();
  const told: number[] = [];
  await client
    .repository(appOn(server), { scope: "push" })
    .uploadBlob({ ...growing(bytes), onProgress: (sent) => void told.push(sent) });
  assert.ok(registry.received.equals(bytes));
  assert.equal(registry.committed, describe(bytes).digest);
  assert.deepEqual(
    server.seen.map(({ method }) => method),
    ["POST", "PATCH", "PUT"],
  );
  const { headers } = server.seen[1] ?? {};
  assert.deepEqual([headers?.["transfer-encoding"], headers?.["content-range"]], ["chunked", undefined]);
  assert.equal(told.at(-1), bytes.length);
});

for (const status of [411, 501]) {
  test(`uploadBlob: chunks with a length for a registry that answers ${status} to a body without`, async () => {
    const bytes = randomBytes(CHUNK + 1000);
    const registry = new UploadRegistry();
    registry.trouble = ({ headers }, response) => {
      if (headers["transfer-encoding"] !== "chunked") return false;
      response.writeHead(status).end();
      return true;
    };
    await using server = await registry.start();
    await using client = testClient();
    await client.repository(appOn(server), { scope: "push" }).uploadBlob(growing(bytes));
    assert.ok(registry.received.equals(bytes));
    assert.deepEqual(registry.ranges, [`0-${CHUNK - 1}`, `${CHUNK}-${CHUNK + 999}`]);
  });
}

test("uploadBlob: what was cut goes on in chunks where the registry has got to", async () => {
  const registry = new UploadRegistry();
  const cuts = [70_000, 50_000];
  registry.trouble = (request, response) => {
    const bytes = request.method === "PATCH" ? cuts.shift() : undefined;
    if (bytes === undefined) return false;
    registry.take(request.headers, request.body.subarray(0, bytes));
    response.destroy();
    return true;
  };
  await using server = await registry.start();
  await using client = testClient();
  const opened: number[] = [];
  await client.repository(appOn(server), { scope: "push" }).uploadBlob(growing(BLOB, opened));
  assert.ok(registry.received.equals(BLOB));
  assert.deepEqual(registry.ranges, [undefined, "70000-199999", "120000-199999"]);
  assert.deepEqual(opened, [0, 70_000]);
});

test("uploadBlob: goes on at the first byte when the registry has none", async () => {
  const registry = new UploadRegistry();
  let isCut = false;
  registry.trouble = ({ method }, response) => {
    if (method !== "PATCH" || isCut) return false;
    isCut = true;
    response.destroy();
    return true;
  };
  await using server = await registry.start();
  await using client = testClient();
  await client.repository(appOn(server), { scope: "push" }).uploadBlob(growing(BLOB));
  assert.ok(registry.received.equals(BLOB));
  assert.deepEqual(registry.ranges, ["0-199999"]);
});

test("uploadBlob: asks for a new token when one runs out in the middle", async () => {
  const registry = new UploadRegistry();
  const tokens: string[] = [];
  registry.trouble = ({ method, target, headers }, response) => {
    if (target.startsWith("/token")) {
      tokens.push(`t${tokens.length}`);
      response.end(JSON.stringify({ token: tokens.at(-1), expires_in: 300 }));
      return true;
    }
    const isGood = headers.authorization === (method === "POST" ? "Bearer t0" : "Bearer t1");
    if (isGood) return false;
    const challenge = `Bearer realm="http://${headers.host}/token",service="s"`;
    response.writeHead(401, { "www-authenticate": challenge }).end();
    return true;
  };
  await using server = await registry.start();
  await using client = testClient();
  const opened: number[] = [];
  await client.repository(appOn(server), { scope: "push" }).uploadBlob(growing(BLOB, opened));
  assert.ok(registry.received.equals(BLOB));
  assert.deepEqual(
    [tokens, opened],
    [
      ["t0", "t1"],
      [0, 0],
    ],
  );
});

test("uploadBlob: starts again when the registry lost the upload", async () => {
  const registry = new UploadRegistry();
  let isLost = false;
  registry.trouble = ({ method }, response) => {
    if (method === "PATCH" && !isLost) response.destroy();
    else if (method === "GET") response.writeHead(404).end();
    else return false;
    isLost = true;
    return true;
  };
  await using server = await registry.start();
  await using client = testClient();
  await client.repository(appOn(server), { scope: "push" }).uploadBlob(growing(BLOB));
  assert.ok(registry.received.equals(BLOB));
});

test("uploadBlob: is tried again as a whole when the PUT is cut", async () => {
  const registry = new UploadRegistry();
  let isCut = false;
  registry.trouble = ({ method }, response) => {
    if (method !== "PUT" || isCut) return false;
    isCut = true;
    response.destroy();
    return true;
  };
  await using server = await registry.start();
  await using client = testClient();
  await client
    .repository(appOn(server), { scope: "push" })
    .uploadBlob({ digest: DIGEST, size: BLOB.length, open: () => pieces(BLOB) });
  assert.ok(registry.received.equals(BLOB));
});

for (const [how, size] of [
  ["fewer", BLOB.length + 1],
  ["more", BLOB.length - 1],
] as const) {
  test(`uploadBlob: fails when ${how} bytes come than were said`, async () => {
    const registry = new UploadRegistry();
    await using server = await registry.start();
    await using client = testClient();
    const upload = client
      .repository(appOn(server), { scope: "push" })
      .uploadBlob({ digest: DIGEST, size, open: () => pieces(BLOB) });
    await assert.rejects(upload, { category: "data_loss", code: "SIZE_MISMATCH" });
    assert.equal(registry.committed, undefined);
  });
}

test("uploadBlob: fails with the registry's words when it denies", async () => {
  await using server = await startServer((_, response) =>
    specError(response, 403, "DENIED", "requested access to the resource is denied"),
  );
  await using client = testClient();
  const upload = client
    .repository(appOn(server), { scope: "push" })
    .uploadBlob({ digest: DIGEST, size: BLOB.length, open: () => pieces(BLOB) });
  await assert.rejects(upload, {
    category: "permission_denied",
    message: "denied: requested access to the resource is denied",
  });
});

test("uploadBlob: the token does not go to an upload location on another host", async () => {
  const registry = new UploadRegistry();
  await using storage = await registry.start();
  await using server = await startServer((_, response) => {
    response.writeHead(202, { location: `${storage.url}/elsewhere` }).end();
  });
  await using client = testClient();
  await client
    .repository(appOn(server), { scope: "push", credentials: { registryToken: "secret" } })
    .uploadBlob({ digest: DIGEST, size: BLOB.length, open: () => pieces(BLOB) });
  assert.equal(server.seen[0]?.headers.authorization, "Bearer secret");
  assert.equal(storage.seen[0]?.headers.authorization, undefined);
});

test("uploadBlob: the error of the source is what the caller gets", async () => {
  const registry = new UploadRegistry();
  await using server = await registry.start();
  await using client = testClient();
  const open = async function* (): AsyncGenerator<Uint8Array, void, void> {
    yield BLOB;
    throw new Error("disk broke");
  };
  const upload = client.repository(appOn(server), { scope: "push" }).uploadBlob({ digest: DIGEST, size: 1e6, open });
  await assert.rejects(upload, /disk broke/);
});

for (const [status, expected] of [
  [201, true],
  [202, false],
  [405, false],
] as const) {
  test(`mountBlob: is ${expected} when the registry answers ${status}`, async () => {
    await using server = await startServer((_, response) => void response.writeHead(status).end());
    await using client = testClient();
    assert.equal(await client.repository(appOn(server), { scope: "push" }).mountBlob(DIGEST, "base"), expected);
  });
}

test("hasBlob: answers by HEAD", async () => {
  await using server = await startServer(({ target }, response) => {
    response.writeHead(target.includes(DIGEST) ? 200 : 404).end();
  });
  await using client = testClient();
  const repository = client.repository(appOn(server));
  assert.equal(await repository.hasBlob(DIGEST), true);
  assert.equal(await repository.hasBlob(describe(Buffer.from("x")).digest), false);
});

test("headManifest: gives the descriptor, undefined when there is none, and reads it when headers are missing", async () => {
  const raw = manifestBytes();
  const { digest, size } = describe(raw);
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  await using server = await startServer(({ target }, response) => {
    if (target.endsWith("/none")) response.writeHead(404).end();
    else if (target.endsWith("/bare")) response.end(raw);
    else
      response
        .writeHead(200, { "docker-content-digest": digest, "content-type": mediaType, "content-length": size })
        .end();
  });
  await using client = testClient();
  const repository = client.repository(appOn(server));
  assert.deepEqual(await repository.headManifest("1"), { mediaType, digest, size });
  assert.deepEqual(await repository.headManifest("bare"), { mediaType, digest, size });
  assert.equal(await repository.headManifest("none"), undefined);
});

test("putManifest: sends the bytes as they are and gives their digest", async () => {
  const raw = manifestBytes();
  await using server = await startServer((_, response) => void response.writeHead(201).end());
  await using client = testClient();
  const repository = client.repository(appOn(server), { scope: "push" });
  assert.equal(await repository.putManifest("1", { raw, mediaType: "a/b" }), describe(raw).digest);
  const [request] = server.seen;
  assert.deepEqual([request?.body.equals(raw), request?.headers["content-type"]], [true, "a/b"]);
});

test("putManifest: fails when the registry stored another digest", async () => {
  await using server = await startServer((_, response) => {
    response.writeHead(201, { "docker-content-digest": DIGEST }).end();
  });
  await using client = testClient();
  const put = client
    .repository(appOn(server), { scope: "push" })
    .putManifest("1", { raw: manifestBytes(), mediaType: "a/b" });
  await assert.rejects(put, { category: "data_loss", code: "DIGEST_MISMATCH" });
});
