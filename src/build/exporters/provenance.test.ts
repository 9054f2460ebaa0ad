import assert from "node:assert/strict";
import { test } from "node:test";
import { hexOf, isDigest } from "#oci";
import { readTarStream } from "#tar";
import type { Vertex } from "../graph/vertex.ts";
import type { FrontendOptions } from "../request.ts";
import { execVertex, imageVertex } from "../solver/fakeBuild.ts";
import { openTestRooms, testFile, testSession } from "../testRooms.ts";
import type { TestRooms } from "../testRooms.ts";
import { createExporter } from "./createExporter.ts";
import { imagePurl } from "./purl.ts";
import { testJob, testTarget } from "./testJob.ts";

type Json = Readonly<Record<string, unknown>>;

const at = (value: unknown, ...path: readonly (string | number)[]): unknown =>
  path.reduce(
    (inner: unknown, key) => (typeof inner === "object" && inner !== null ? Reflect.get(inner, key) : undefined),
    value,
  );

/** Files of an OCI archive of one image, by path. */
async function archive(
  rooms: TestRooms,
  vertex: Vertex,
  options: Partial<FrontendOptions>,
): Promise<Map<string, Json>> {
  const files = new Map<string, Json>();
  const session = testSession({
    sendTar: async (_output, tar) => {
      for await (const { entry, body } of readTarStream(tar)) {
        const chunks: Uint8Array[] = [];
        for await (const chunk of body) chunks.push(Uint8Array.from(chunk));
        const text = Buffer.concat(chunks).toString();
        if (text.startsWith("{")) files.set(entry.path, JSON.parse(text) as Json);
      }
    },
  });
  const layer = await rooms.addLayer([testFile("a", "1")]);
  const exports = [{ type: "oci", attributes: { name: "docker.io/library/x:1" } }];
  const { job } = testJob([{ ...testTarget([layer]), vertex }], exports, { session });
  const request = { ...job.request, options: { ...job.request.options, ...options } };
  await createExporter(rooms).export({ ...job, request });
  return files;
}

function blob(files: ReadonlyMap<string, Json>, digest: unknown): Json {
  return files.get(`blobs/sha256/${typeof digest === "string" && isDigest(digest) ? hexOf(digest) : ""}`) ?? {};
}

/** The predicate, by way of index, attestation manifest and statement. */
function predicateOf(files: ReadonlyMap<string, Json>): { readonly predicate: unknown; readonly statement: Json } {
  const index = blob(files, at(files.get("index.json"), "manifests", 0, "digest"));
  const [image, attestation] = [at(index, "manifests", 0), at(index, "manifests", 1)];
  assert.deepEqual(at(attestation, "annotations"), {
    "vnd.docker.reference.digest": at(image, "digest"),
    "vnd.docker.reference.type": "attestation-manifest",
  });
  assert.deepEqual(at(attestation, "platform"), { architecture: "unknown", os: "unknown" });
  const statement = blob(files, at(blob(files, at(attestation, "digest")), "layers", 0, "digest"));
  return { predicate: at(statement, "predicate"), statement };
}

const raw = { filename: "Dockerfile", "build-arg:A": "secret", "label:b": "c", target: "t", "vcs:revision": "abc" };
const graph = execVertex("make", [imageVertex("base:1", [])], {
  location: { filename: "Dockerfile", text: "RUN make", ranges: [{ start: 2, end: 3 }] },
});

test("provenance: min tells what an image was made of, and no arguments", async (t) => {
  const rooms = await openTestRooms(t);
  const attestations = new Map([["provenance", "mode=min,builder-id=me"]]);
  const { predicate, statement } = predicateOf(await archive(rooms, graph, { raw, attestations }));
  assert.equal(at(statement, "predicateType"), "https://slsa.dev/provenance/v0.2");
  assert.equal(at(statement, "subject", 0, "name"), "pkg:docker/x@1?platform=linux%2Famd64");
  assert.deepEqual(at(predicate, "builder"), { id: "me" });
  assert.deepEqual(at(predicate, "materials"), [{ uri: "pkg:docker/base@1?platform=linux%2Famd64" }]);
  assert.deepEqual(at(predicate, "invocation", "parameters", "args"), { target: "t" });
  assert.deepEqual(at(predicate, "metadata", "completeness"), {
    parameters: false,
    environment: true,
    materials: false,
  });
  assert.deepEqual(at(predicate, "metadata", "https://mobyproject.org/buildkit@v1#metadata"), {
    vcs: { revision: "abc" },
  });
  assert.equal(at(predicate, "buildConfig"), undefined);
});

test("provenance: max tells the steps with their lines, and all arguments", async (t) => {
  const rooms = await openTestRooms(t);
  const attestations = new Map([["provenance", "mode=max"]]);
  const { predicate } = predicateOf(await archive(rooms, graph, { raw, attestations }));
  const args = { "build-arg:A": "secret", "label:b": "c", target: "t" };
  assert.deepEqual(at(predicate, "invocation", "parameters", "args"), args);
  const definition = at(predicate, "buildConfig", "llbDefinition");
  assert.deepEqual(at(definition, 0, "op", "Op", "source", "identifier"), "docker-image://docker.io/library/base:1");
  assert.deepEqual(at(definition, 1, "op", "Op", "exec", "meta", "args"), ["/bin/sh", "-c", "make"]);
  assert.deepEqual(at(definition, 1, "inputs"), ["step0:0"]);
  const source = at(predicate, "metadata", "https://mobyproject.org/buildkit@v1#metadata", "source");
  const locations = { step1: { locations: [{ ranges: [{ start: { line: 2 }, end: { line: 3 } }] }] } };
  assert.deepEqual(at(source, "locations"), locations);
  assert.equal(at(source, "infos", 0, "data"), Buffer.from("FROM scratch").toString("base64"));
});

test("provenance: a client's default makes no index of an archive; other attestations are refused", async (t) => {
  const rooms = await openTestRooms(t);
  const asked = (kind: string, text: string): Promise<Map<string, Json>> =>
    archive(rooms, graph, { attestations: new Map([[kind, text]]) });
  const files = await asked("provenance", "mode=min,inline-only=true");
  const root = at(files.get("index.json"), "manifests", 0, "mediaType");
  assert.equal(root, "application/vnd.oci.image.manifest.v1+json");
  await assert.rejects(asked("provenance", "mode=some"), { message: 'invalid mode "some"' });
  await assert.rejects(asked("nosuch", ""), { message: 'unknown attestation type "nosuch"' });
  await assert.rejects(asked("sbom", ""), { message: "sbom attestations are not made here" });
});

test("imagePurl: the registry is part of the name unless it is Docker Hub", () => {
  const platform = { os: "linux", architecture: "arm", variant: "v7" };
  const own = { domain: "127.0.0.1:5000", path: "a/b", tag: "1" };
  assert.equal(imagePurl(own, platform), "pkg:docker/127.0.0.1%3A5000/a/b@1?platform=linux%2Farm%2Fv7");
  const hub = { domain: "docker.io", path: "library/x" };
  assert.equal(imagePurl(hub, platform), "pkg:docker/x@latest?platform=linux%2Farm%2Fv7");
});
