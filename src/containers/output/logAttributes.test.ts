import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDigest } from "#oci";
import { mergeConfig } from "../request/containerConfig.ts";
import { parseHostConfig } from "../request/hostConfig.ts";
import { INITIAL_STATE } from "../document.ts";
import type { ContainerDocument } from "../document.ts";
import { logDetails } from "./logAttributes.ts";

function documentOf(options: Readonly<Record<string, string>>): ContainerDocument {
  const request = { Image: "box", Cmd: ["x"], Env: ["X=y=z", "Q=1"], Labels: { a: "b", c: "d e" } };
  const base: Partial<ContainerDocument> = {
    id: "6d5b7f4e1c2b765e",
    name: "web",
    imageId: parseDigest(`sha256:${"b0".repeat(32)}`),
    config: mergeConfig(request, {}, "host"),
    hostConfig: parseHostConfig({ LogConfig: { Type: "json-file", Config: options } }),
    state: INITIAL_STATE,
  };
  return base as ContainerDocument;
}

test("log details: labels, variables and tag that the options name, sorted and escaped as Go does", () => {
  const options = { labels: "a,c,none", env: "X,NO", tag: "{{.Name}}/{{.ID}}" };
  assert.equal(logDetails(documentOf(options)), "X=y%3Dz,a=b,c=d+e,tag=web%2F6d5b7f4e1c2b");
  assert.equal(logDetails(documentOf({ "labels-regex": "^c", "env-regex": "Q" })), "Q=1,c=d+e");
  assert.equal(logDetails(documentOf({})), "");
});

test("log details: a tag that is not closed is refused in Go's words", () => {
  assert.throws(() => logDetails(documentOf({ tag: "x{{.Name" })), {
    message:
      "failed to create task for container: failed to initialize logging driver: template: log-tag:1: unclosed action",
  });
});

test("log details: a tag with an unknown field is refused in Go's words", () => {
  assert.throws(() => logDetails(documentOf({ tag: "{{.Nope}}" })), {
    message:
      'failed to create task for container: failed to initialize logging driver: template: log-tag:1:2: executing "log-tag" at <.Nope>: can\'t evaluate field Nope in type *logger.Info',
  });
});
