/** Answers of the container endpoints against the definitions of the Engine API, for the versions that clients speak. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { TestContext } from "node:test";
import { startDaemon } from "./support/daemon.ts";
import type { TestDaemon } from "./support/daemon.ts";
import { openApiSpec } from "./support/openapi.ts";
import { busyboxRootfs } from "./support/rootfs.ts";

const VERSIONS = ["1.24", "1.41", "1.44", "1.45", "1.47"] as const;
const spec = openApiSpec();

/** Method, path as the definitions have it, path and query to call, body. */
type Call = readonly [method: string, path: string, call: string, body?: object];

const CALLS: readonly Call[] = [
  ["POST", "/containers/create", "/containers/create?name=made", { Image: "box:1", Cmd: ["true"] }],
  ["DELETE", "/containers/{id}", "/containers/made"],
  ["POST", "/containers/create", "/containers/create", { Image: "box:1", HostConfig: { Memory: 5 } }],
  ["POST", "/containers/create", "/containers/create", { Image: "nope" }],
  ["GET", "/containers/{id}/json", "/containers/up/json?size=1"],
  ["GET", "/containers/{id}/json", "/containers/idle/json"],
  ["GET", "/containers/{id}/json", "/containers/nope/json"],
  ["GET", "/containers/json", "/containers/json?all=1&size=1"],
  ["GET", "/containers/json", '/containers/json?filters={"status":["foo"]}'],
  ["POST", "/containers/{id}/start", "/containers/up/start"],
  ["POST", "/containers/{id}/start", "/containers/nope/start"],
  ["POST", "/containers/{id}/kill", "/containers/idle/kill"],
  ["POST", "/containers/{id}/wait", "/containers/idle/wait"],
  ["DELETE", "/containers/{id}", "/containers/up"],
];

describe("container endpoints against the definitions of the Engine API", () => {
  let daemon: TestDaemon;

  before(async () => {
    daemon = await startDaemon();
    await daemon.mustDocker(["import", "-", "box:1"], { input: await busyboxRootfs() });
    await daemon.mustDocker([
      ..."run -d --name up --tmpfs /t --sysctl kernel.msgmax=1000 --ulimit nofile=1024:2048 --device /dev/null -m 64m".split(
        " ",
      ),
      ..."--network none --label a=b -e A=1 box:1 sleep 600".split(" "),
    ]);
    await daemon.mustDocker("create --name idle --network none box:1 true".split(" "));
  });
  after(async () => {
    await daemon.docker(["rm", "-f", "up", "idle"]);
    await daemon[Symbol.asyncDispose]();
  });

  for (const version of VERSIONS) {
    test(`answers keep to the definitions: API ${version}`, async (context: TestContext) => {
      if (spec === undefined) return context.diagnostic(`${CALLS.length} cases left out: no definitions here`);
      for (const [method, path, call, body] of CALLS) {
        const answer = await daemon.api(method, `/v${version}${encodeURI(call)}`, body);
        const found: readonly string[] = answer.status === 304 ? [] : spec.violations(method, path, answer);
        assert.deepEqual(found, [], `${method} ${call}: ${JSON.stringify(answer.body)}`);
      }
    });
  }
});
