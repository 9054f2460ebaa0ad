import assert from "node:assert/strict";
import { test } from "node:test";
import {
  checkTag,
  hostPair,
  parseAttestations,
  parseCaches,
  parseNamedContexts,
  parseOutput,
  parseSecret,
  parseSsh,
} from "./specs.ts";

test("secret: file, variable, and what is neither", () => {
  assert.deepEqual(parseSecret("id=a,src=/f"), { id: "a", file: "/f", variable: "" });
  assert.deepEqual(parseSecret("type=env,id=a,src=V"), { id: "a", file: "", variable: "V" });
  assert.deepEqual(parseSecret("id=a,env=V"), { id: "a", file: "", variable: "V" });
  assert.throws(() => parseSecret("foo"), { message: "invalid field 'foo' must be a key=value pair" });
  assert.throws(() => parseSecret("id=a,x=y"), { message: "unexpected key 'x' in 'x=y'" });
  assert.throws(() => parseSecret("type=x"), { message: 'unsupported secret type "x"' });
});

test("ssh: an id, with paths", () => {
  assert.deepEqual(parseSsh("default"), { id: "default", paths: [] });
  assert.deepEqual(parseSsh("k=/a,/b"), { id: "k", paths: ["/a", "/b"] });
});

test("output: a directory, standard output, and by type", () => {
  assert.deepEqual(parseOutput("out"), { type: "local", attributes: {}, destination: "out" });
  assert.deepEqual(parseOutput("-"), { type: "tar", attributes: {}, destination: "-" });
  assert.deepEqual(parseOutput("type=image,name=a,push=true"), {
    type: "image",
    attributes: { name: "a", push: "true" },
    destination: "",
  });
  assert.throws(() => parseOutput("dest=x,a=b"), { message: "type is required for output" });
  assert.throws(() => parseOutput("type=tar,x"), { message: "invalid value x" });
});

test("caches: references and typed entries", () => {
  assert.deepEqual(parseCaches(["a,b", "type=local,src=/c"]), [
    { type: "registry", attributes: { ref: "a" } },
    { type: "registry", attributes: { ref: "b" } },
    { type: "local", attributes: { src: "/c" } },
  ]);
  assert.throws(() => parseCaches(["src=/c"]), { message: 'type required for "src=/c"' });
});

test("attestations: shorthands, one of a type, none on purpose", () => {
  const none = { attest: [], provenance: "", sbom: "" };
  assert.deepEqual(
    [...parseAttestations({ ...none, provenance: "false", sbom: "true" })],
    [
      ["provenance", undefined],
      ["sbom", "type=sbom"],
    ],
  );
  assert.deepEqual(
    [...parseAttestations({ ...none, provenance: "mode=max" })],
    [["provenance", "type=provenance,mode=max"]],
  );
  assert.throws(() => parseAttestations({ ...none, attest: ["type=sbom"], sbom: "true" }), {
    message: "duplicate attestation field sbom",
  });
});

test("named contexts, tags, hosts: checked in buildx's words", () => {
  assert.deepEqual(
    [...parseNamedContexts(["a=b=c", "n:latest=p"])],
    [
      ["a", "b=c"],
      ["n", "p"],
    ],
  );
  assert.throws(() => parseNamedContexts(["foo"]), { message: "invalid context value: foo, expected key=value" });
  assert.throws(() => checkTag("X:y z"), { message: /^invalid tag "X:y z": invalid reference format/ });
  assert.equal(hostPair("a:1.2.3.4"), "a=1.2.3.4");
  assert.equal(hostPair("a=[::1]"), "a=::1");
  assert.throws(() => hostPair("foo"), { message: "invalid host foo" });
});
