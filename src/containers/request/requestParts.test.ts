import assert from "node:assert/strict";
import { test } from "node:test";
import { Fields } from "./fields.ts";
import { mergeHealthcheck } from "./healthcheck.ts";
import { hostConfigOnWire, parseHostConfig } from "./hostConfig.ts";
import { parseMounts } from "./mountRequest.ts";
import { parseEndpoints, parsePortBindings } from "./networkRequest.ts";
import { parseRestartPolicy } from "./restartPolicy.ts";

const of = (value: unknown): Fields => new Fields(value, "HostConfig");

test("restart policy: empty is no; counts only with on-failure", () => {
  assert.deepEqual(parseRestartPolicy(of({}), true), { Name: "no", MaximumRetryCount: 0 });
  const wanted = { Name: "on-failure", MaximumRetryCount: 3 };
  assert.deepEqual(parseRestartPolicy(of({ RestartPolicy: wanted }), false), wanted);
});

const BAD_POLICIES: readonly (readonly [object, boolean, string])[] = [
  [
    { Name: "foo" },
    false,
    "invalid restart policy: unknown policy 'foo'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'",
  ],
  [
    { Name: "always", MaximumRetryCount: 3 },
    false,
    "invalid restart policy: maximum retry count can only be used with 'on-failure'",
  ],
  [
    { Name: "on-failure", MaximumRetryCount: -3 },
    false,
    "invalid restart policy: maximum retry count cannot be negative",
  ],
  [{ Name: "always" }, true, "can't create 'AutoRemove' container with restart policy"],
];
for (const [RestartPolicy, autoRemove, message] of BAD_POLICIES) {
  test(`restart policy: ${message}`, () => {
    assert.throws(() => parseRestartPolicy(of({ RestartPolicy }), autoRemove), {
      category: "invalid_argument",
      message,
    });
  });
}

test("port bindings: keys stay as they were spelt, null stays null", () => {
  const PortBindings = { "80": [{ HostPort: "8080" }], "53/UDP": null, "": [], "/tcp": [], "80/": [], "80/foo/x": [] };
  assert.deepEqual(parsePortBindings(of({ PortBindings })), {
    ...PortBindings,
    "80": [{ HostIp: "", HostPort: "8080" }],
  });
});

for (const [key, named] of [
  ["x/tcp", "x"],
  ["80000", "80000"],
  ["8000-8010/tcp", "8000-8010"],
  ["-1/udp", "-1"],
  [" 80", " 80"],
] as const) {
  test(`port bindings: ${JSON.stringify(key)} is no port of a container`, () => {
    const message = `invalid port specification: "${named}"`;
    assert.throws(() => parsePortBindings(of({ PortBindings: { [key]: [] } })), {
      category: "invalid_argument",
      message,
    });
  });
}

const bind = (HostPort: string): unknown => parsePortBindings(of({ PortBindings: { "80": [{ HostPort }] } }));

test("port bindings: a port of the host, a range of them, or any", () => {
  for (const port of ["", "0", "65535", "80-90", "80/tcp", "080", "1-2-3", "/tcp", "80/foo/x"]) bind(port);
});

for (const port of ["abc", "-1", "80x", " 80", "65536", "90-80", "80-"]) {
  test(`port bindings: ${JSON.stringify(port)} is no port of the host`, () => {
    const message = `invalid port specification: ${JSON.stringify(port)}`;
    assert.throws(() => bind(port), { category: "invalid_argument", message });
  });
}

test("endpoints: what was asked of each network", () => {
  const endpoints = parseEndpoints({
    EndpointsConfig: {
      a: null,
      b: { IPAMConfig: { IPv4Address: "10.0.0.2" }, Aliases: ["x"], DriverOpts: { k: "v" } },
    },
  });
  const empty = { IPAMConfig: null, Links: null, Aliases: null, MacAddress: "", DriverOpts: null };
  assert.deepEqual(endpoints, {
    a: empty,
    b: { ...empty, IPAMConfig: { IPv4Address: "10.0.0.2" }, Aliases: ["x"], DriverOpts: { k: "v" } },
  });
  assert.deepEqual(parseEndpoints(undefined), {});
});

test("health check: 0 and empty inherit from the image, none at all leaves the image's", () => {
  const image = { Test: ["CMD", "a"], Interval: 2e9, Retries: 5 };
  assert.deepEqual(mergeHealthcheck(undefined, image), image);
  assert.deepEqual(mergeHealthcheck({ Interval: 3e9, Retries: 0 }, image), { ...image, Interval: 3e9 });
  assert.deepEqual(mergeHealthcheck({ Test: ["NONE"] }, image)?.Test, ["NONE"]);
  assert.equal(mergeHealthcheck({}, undefined), undefined);
  assert.throws(() => mergeHealthcheck({ Interval: 5 }, image), {
    message: "Interval in Healthcheck cannot be less than 1ms",
  });
  assert.throws(() => mergeHealthcheck({ Retries: -5 }, image), {
    message: "Retries in Healthcheck cannot be negative",
  });
});

test("mounts: only what was asked is kept, as inspect shows it", () => {
  const Mounts = [
    { Type: "bind", Source: "/a", Target: "/b", ReadOnly: true, BindOptions: { Propagation: "rslave" } },
    { Type: "volume", Target: "/v", VolumeOptions: { NoCopy: true, DriverConfig: { Options: { o: "x" } } } },
    { Type: "tmpfs", Target: "/t", TmpfsOptions: { SizeBytes: 1024, Mode: 0o700, Options: [["noexec"]] } },
    { Type: "image", Source: "box", Target: "/i", ImageOptions: { Subpath: "etc" } },
  ];
  assert.deepEqual(parseMounts(of({ Mounts })), Mounts);
  assert.deepEqual(hostConfigOnWire(parseHostConfig({ Mounts }))["Mounts"], Mounts);
  assert.equal("Mounts" in hostConfigOnWire(parseHostConfig({})), false);
});
