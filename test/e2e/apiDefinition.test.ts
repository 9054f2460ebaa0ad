/** Responses of the API against Docker's own definition, in the versions that clients of all ages ask for. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startDaemon } from "./support/daemon.ts";
import type { TestDaemon } from "./support/daemon.ts";
import { openDefinition } from "./support/apiDefinition.ts";
import { busyboxRootfs } from "./support/rootfs.ts";

const VERSIONS = ["1.24", "1.41", "1.44", "1.45", "1.47", "1.51"] as const;

interface Call {
  readonly method: string;
  /** In the definition. */
  readonly path: string;
  /** What `{…}` of the path stand for, in order, and a query. */
  readonly given?: readonly string[];
  readonly query?: string;
  readonly body?: unknown;
}

/** Of `api`, a running container with a port, a volume, a health check and a network of its own. */
const READS: readonly Call[] = [
  { method: "GET", path: "/containers/json", query: "?all=1&size=1" },
  { method: "GET", path: "/containers/json", query: '?filters={"health":["none"]}' },
  { method: "GET", path: "/containers/{id}/json", given: ["api"], query: "?size=1" },
  { method: "GET", path: "/containers/{id}/json", given: ["bare"] },
  { method: "GET", path: "/containers/{id}/json", given: ["ended"] },
  { method: "GET", path: "/containers/{id}/json", given: ["nosuch"] },
  { method: "GET", path: "/containers/{id}/changes", given: ["api"] },
  { method: "GET", path: "/containers/{id}/top", given: ["api"] },
  { method: "GET", path: "/containers/{id}/top", given: ["nosuch"] },
  { method: "GET", path: "/containers/{id}/stats", given: ["api"], query: "?stream=0&one-shot=1" },
  { method: "GET", path: "/containers/{id}/stats", given: ["ended"], query: "?stream=0" },
  { method: "GET", path: "/images/json", query: "?all=1" },
  { method: "GET", path: "/images/{name}/json", given: ["box:1"] },
  { method: "GET", path: "/images/{name}/history", given: ["box:1"] },
  { method: "GET", path: "/images/{name}/json", given: ["nosuch"] },
  { method: "GET", path: "/info" },
  { method: "GET", path: "/version" },
  { method: "GET", path: "/system/df" },
  { method: "GET", path: "/networks" },
  { method: "GET", path: "/networks/{id}", given: ["bridge"] },
  { method: "GET", path: "/networks/{id}", given: ["apinet"], query: "?verbose=1" },
  { method: "GET", path: "/networks/{id}", given: ["nosuch"] },
  { method: "GET", path: "/volumes" },
  { method: "GET", path: "/volumes/{name}", given: ["apivol"] },
  { method: "GET", path: "/volumes/{name}", given: ["nosuch"] },
];

/** Each changes something, and what it changed goes with the daemon. */
const WRITES: readonly Call[] = [
  { method: "POST", path: "/containers/create", body: { Image: "box:1", Cmd: ["true"] } },
  { method: "POST", path: "/containers/create", body: { Image: "nosuch:1", Cmd: ["true"] } },
  { method: "POST", path: "/containers/{id}/update", given: ["api"], body: { CpuShares: 512 } },
  { method: "POST", path: "/containers/{id}/wait", given: ["ended"] },
  { method: "POST", path: "/containers/prune", query: '?filters={"label":["nosuch"]}' },
  { method: "POST", path: "/networks/create", body: { Name: "apinet2" } },
  { method: "POST", path: "/networks/prune", query: '?filters={"label":["nosuch"]}' },
  { method: "POST", path: "/volumes/create", body: { Name: "apivol2", Labels: { a: "b" } } },
  { method: "POST", path: "/volumes/prune", query: '?filters={"label":["nosuch"]}' },
  { method: "POST", path: "/images/prune", query: '?filters={"label":["nosuch"]}' },
  { method: "POST", path: "/commit", query: "?container=ended&repo=made&tag=1", body: {} },
  { method: "DELETE", path: "/images/{name}", given: ["made:1"] },
];

/** Documented fields that a container's inspect need not have: what was not asked for, and what came after API 1.51. */
const MAY_BE_ABSENT: ReadonlySet<string> = new Set(
  `ImageManifestDescriptor Storage NetworkSettings.Networks.*.GwPriority HostConfig.Init HostConfig.Mounts
  HostConfig.Annotations HostConfig.StorageOpt HostConfig.Tmpfs HostConfig.Sysctls Config.Healthcheck.Timeout
  Config.Healthcheck.Retries Config.Healthcheck.StartPeriod Config.Healthcheck.StartInterval Config.ArgsEscaped
  State.Health Config.Healthcheck Mounts[].Name Mounts[].Driver Config.NetworkDisabled Config.StopSignal Config.StopTimeout Config.Shell Config.ExposedPorts`.split(
    /\s+/,
  ),
);

const fill = ({ path, given = [], query = "" }: Call): string =>
  given.reduce((filled, value) => filled.replace(/\{\w+\}/, value), path) + query;

const definition = openDefinition();
const left = VERSIONS.length * READS.length + WRITES.length + 3;

if (definition === undefined) {
  test(`API definition: ${left} cases need shared/spec/docker-engine-api-v1.56.yaml beside the repository`, (t) => {
    t.skip("no definition here");
  });
} else {
  describe("API definition", () => {
    let daemon: TestDaemon;
    const check = async (call: Call, version: string): Promise<readonly string[]> => {
      const response = await daemon.api(call.method, `/v${version}${fill(call)}`, call.body);
      const wanted = JSON.stringify([call.given, call.body]).includes("nosuch") ? 404 : 200;
      const unlike =
        Math.floor(response.status / 100) === Math.floor(wanted / 100) ? [] : [`status ${response.status}`];
      return [...unlike, ...definition.check(call.method, call.path, response).wrong];
    };
    const post = async (path: string, body?: unknown): Promise<void> => {
      const { status, body: answer } = await daemon.api("POST", `/v1.45${path}`, body);
      assert.ok(status < 300, `${path}: ${status} ${JSON.stringify(answer)}`);
    };

    before(async () => {
      daemon = await startDaemon();
      await daemon.mustDocker(["import", "-c", 'CMD ["sleep", "600"]', "-", "box:1"], { input: await busyboxRootfs() });
      await post("/networks/create", { Name: "apinet", Labels: { a: "b" } });
      await post("/volumes/create", { Name: "apivol" });
      await post("/containers/create?name=api", {
        Image: "box:1",
        ExposedPorts: { "80/tcp": {} },
        HostConfig: {
          Binds: ["apivol:/data", "/tmp:/host:ro"],
          PortBindings: { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "" }] },
          Tmpfs: { "/scratch": "size=1m" },
          NetworkMode: "apinet",
          Ulimits: [{ Name: "nofile", Hard: 100, Soft: 100 }],
          Devices: [{ PathOnHost: "/dev/null", PathInContainer: "/dev/x", CgroupPermissions: "rwm" }],
        },
        NetworkingConfig: { EndpointsConfig: { apinet: { Aliases: ["alias"] } } },
      });
      await post("/containers/api/start");
      await post("/containers/create?name=bare", { Image: "box:1" });
      await post("/containers/create?name=ended", {
        Image: "box:1",
        Cmd: ["false"],
        HostConfig: { NetworkMode: "none" },
      });
      await post("/containers/ended/start");
      await post("/containers/ended/wait");
    });
    after(async () => {
      await daemon[Symbol.asyncDispose]();
    });

    for (const version of VERSIONS) {
      for (const call of READS) {
        test(`${version} ${call.method} ${fill(call)}`, async () => {
          assert.deepEqual(await check(call, version), []);
        });
      }
    }

    test("what is not as documented is found", () => {
      const body = [{ Id: 1, State: "odd", Mounts: null, Names: ["/a"], Labels: { a: 2 } }];
      const { wrong, absent } = definition.check("GET", "/containers/json", { status: 200, body });
      assert.deepEqual(wrong, [
        "[].Id: 1 is no string",
        "[].Labels.*: 2 is no string",
        '[].State: "odd" is none of ["created","running","paused","restarting","exited","removing","dead"]',
      ]);
      assert.ok(absent.includes("[].Image"));
      assert.deepEqual(definition.check("GET", "/info", { status: 418, body: {} }).wrong, [
        "status 418 is not documented",
      ]);
    });

    for (const call of WRITES) {
      test(`${call.method} ${fill(call)}`, async () => {
        assert.deepEqual(await check(call, "1.45"), []);
      });
    }

    test("exec: made, run, looked at", async () => {
      const made = await daemon.api("POST", "/v1.45/containers/api/exec", { Cmd: ["true"], AttachStdout: true });
      assert.deepEqual(definition.check("POST", "/containers/{id}/exec", made).wrong, []);
      const id = String(Reflect.get(Object(made.body), "Id"));
      assert.deepEqual(await check({ method: "GET", path: "/exec/{id}/json", given: [id] }, "1.45"), []);
      await post(`/exec/${id}/start`, { Detach: true });
      for (let attempt = 0; attempt < 100; attempt += 1) {
        const { body } = await daemon.api("GET", `/v1.45/exec/${id}/json`);
        if (Reflect.get(Object(body), "ExitCode") === 0) break;
        await sleep(50);
      }
      assert.deepEqual(await check({ method: "GET", path: "/exec/{id}/json", given: [id] }, "1.45"), []);
    });

    test("inspect: every documented field is there", async () => {
      const response = await daemon.api("GET", "/v1.51/containers/api/json?size=1");
      const { absent } = definition.check("GET", "/containers/{id}/json", response);
      assert.deepEqual(
        absent.filter((field) => !MAY_BE_ABSENT.has(field)),
        [],
      );
    });
  });
}
