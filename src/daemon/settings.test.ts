import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ErrorCode, hasCode } from "#errors";
import { withConfigFile } from "./configFile.ts";
import { helpText, parseFlags } from "./flags.ts";
import { SETTINGS, toDaemonOptions } from "./options.ts";

let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "varve-settings-"));
});
after(() => rm(folder, { recursive: true }));

async function file(text: string): Promise<string> {
  const path = join(folder, `${Math.random()}.json`);
  await writeFile(path, text);
  return path;
}

test("parseFlags: reads long and short flags, lists, numbers, both forms of values", () => {
  assert.deepEqual(
    parseFlags([
      "-D",
      "-H",
      "unix:///a",
      "--host=tcp://:1",
      "--data-root",
      "/d",
      "--max-concurrent-uploads=7",
      "--label",
      "a=b",
    ]),
    {
      hosts: ["unix:///a", "tcp://:1"],
      dataRoot: "/d",
      debug: true,
      labels: ["a=b"],
      maxConcurrentUploads: 7,
    },
  );
});

test("parseFlags: boolean flags take a value, as Go's do", () => {
  assert.deepEqual(parseFlags(["--debug=false", "--tlsverify=1"]), { debug: false, tlsVerify: true });
});

/** Messages of dockerd 26.1. */
const REFUSED: readonly (readonly [argv: readonly string[], message: string])[] = [
  [["--foo"], "unknown flag: --foo"],
  [["--foo=1"], "unknown flag: --foo"],
  [["-Z"], "unknown shorthand flag: 'Z' in -Z"],
  [["foo"], '"varve daemon" accepts no arguments'],
  [["--data-root"], "flag needs an argument: --data-root"],
  [
    ["--max-concurrent-downloads=abc"],
    'invalid argument "abc" for "--max-concurrent-downloads" flag: strconv.ParseInt: parsing "abc": invalid syntax',
  ],
  [
    ["--max-concurrent-downloads="],
    'invalid argument "" for "--max-concurrent-downloads" flag: strconv.ParseInt: parsing "": invalid syntax',
  ],
  [
    ["--debug=maybe"],
    'invalid argument "maybe" for "--debug" flag: strconv.ParseBool: parsing "maybe": invalid syntax',
  ],
];

for (const [argv, message] of REFUSED) {
  test(`parseFlags: refuses ${argv.join(" ")}`, () => {
    assert.throws(() => parseFlags(argv), { message, code: "INVALID_FLAG", hint: "see 'varve daemon --help'" });
  });
}

test("helpText: tells of every flag", () => {
  const text = helpText();
  for (const { flag } of Object.values(SETTINGS)) if (flag !== undefined) assert.ok(text.includes(`--${flag}`), flag);
});

test("toDaemonOptions: has defaults, and makes what depends on the exec root from it", () => {
  const options = toDaemonOptions({ execRoot: "/x" });
  assert.deepEqual(options.hosts, ["unix:///x/varve.sock"]);
  assert.equal(options.pidFile, "/x/varve.pid");
  assert.deepEqual(
    [options.maxConcurrentDownloads, options.maxConcurrentUploads, options.maxDownloadAttempts],
    [3, 5, 5],
  );
  assert.equal(options.tls, undefined);
  assert.equal(options.logLevel, "info");
  assert.equal(toDaemonOptions({ debug: true, logLevel: "error" }).logLevel, "debug");
});

test("toDaemonOptions: tlsverify alone turns TLS on; only it asks for the CA", () => {
  assert.equal(toDaemonOptions({ tls: true, tlsCa: "/ca" }).tls?.caFile, undefined);
  assert.deepEqual(toDaemonOptions({ tlsVerify: true, tlsCa: "/ca" }).tls, {
    verifyClients: true,
    caFile: "/ca",
    certificateFile: "/etc/varve/cert.pem",
    keyFile: "/etc/varve/key.pem",
  });
});

test("toDaemonOptions: refuses values out of range in one line", () => {
  assert.throws(() => toDaemonOptions({ logLevel: "silly" }), { message: "invalid logging level: silly" });
  for (const value of [0, -1, 1.5])
    assert.throws(
      () => toDaemonOptions({ maxConcurrentDownloads: value }),
      /^EngineError: invalid max concurrent downloads/,
    );
});

test("withConfigFile: adds what the file gives; an empty file and a byte order mark do no harm", async () => {
  const configFile = await file('\uFEFF{"debug": true, "registry-mirrors-by-host": {"a.io": ["b.io"]}}');
  assert.deepEqual(await withConfigFile({ configFile, dataRoot: "/d" }), {
    configFile,
    dataRoot: "/d",
    debug: true,
    mirrorsByHost: { "a.io": ["b.io"] },
  });
  const empty = await file(" \n");
  assert.deepEqual(await withConfigFile({ configFile: empty }), { configFile: empty });
});

test("withConfigFile: the default file may be absent, a named one may not", async () => {
  const path = join(folder, "absent");
  assert.deepEqual(await withConfigFile({ debug: true }, path), { debug: true });
  await assert.rejects(withConfigFile({ configFile: path }), (error: unknown) => {
    assert.ok(hasCode(error, ErrorCode.INVALID_FLAG));
    return (error as Error).message.startsWith(`unable to configure the daemon with file ${path}: ENOENT`);
  });
});

async function refusal(text: string, flags: readonly string[] = []): Promise<string> {
  const configFile = await file(text);
  const error: unknown = await withConfigFile({ ...parseFlags(flags), configFile }).catch((caught: unknown) => caught);
  assert.ok(error instanceof Error);
  const prefix = `unable to configure the daemon with file ${configFile}: `;
  assert.ok(error.message.startsWith(prefix), error.message);
  return error.message.slice(prefix.length);
}

test("withConfigFile: refuses unknown directives, all in one line", async () => {
  assert.equal(
    await refusal('{"foo":1,"bar":2}'),
    "the following directives don't match any configuration option: foo, bar",
  );
});

test("withConfigFile: refuses what is given twice, lists too, in Docker's words", async () => {
  assert.equal(
    await refusal('{"hosts":["unix:///q"],"debug":true,"labels":["a=b"]}', [
      "-H",
      "unix:///r",
      "--debug",
      "--label",
      "c=d",
    ]),
    "the following directives are specified both as a flag and in the configuration file: debug: (from flag: true, from file: true), hosts: (from flag: [unix:///r], from file: [unix:///q]), labels: (from flag: [c=d], from file: [a=b])",
  );
});

test("withConfigFile: refuses what has another type and what is no JSON, in one line", async () => {
  assert.equal(await refusal('{"debug":"x"}'), "invalid value for debug: expected true or false");
  assert.equal(await refusal('{"labels":"x"}'), "invalid value for labels: expected list");
  assert.equal(await refusal('{"data-root":null}'), "invalid value for data-root: expected text");
  assert.equal(
    await refusal('{"registry-mirrors-by-host":[]}'),
    "invalid value for registry-mirrors-by-host: expected map",
  );
  assert.equal(await refusal("[]"), "not a JSON object");
  assert.ok(!(await refusal("{\n\nbad\n}")).includes("\n"));
});

const BAD_MIRRORS: readonly (readonly [mirror: string, message: string])[] = [
  ["mirror", 'invalid mirror: "mirror" is not a valid URI'],
  ["ftp://m", 'invalid mirror: unsupported scheme "ftp" in "ftp://m"'],
  ["https://m/?q", 'invalid mirror: query or fragment at end of the URI "https://m/?q"'],
  ["https://u:p@m", 'invalid mirror: username/password not allowed in URI "https://u:xxxxx@m/"'],
];

for (const [mirror, message] of BAD_MIRRORS) {
  test(`toDaemonOptions: refuses ${mirror} as a mirror`, () => {
    assert.throws(() => toDaemonOptions({ registryMirrors: [mirror] }), { message, code: "INVALID_FLAG" });
    assert.throws(() => toDaemonOptions({ mirrorsByHost: { "reg.example": [mirror] } }), { message });
  });
}

test("toDaemonOptions: mirrors end with a slash, as docker info shows them", () => {
  assert.deepEqual(toDaemonOptions({ registryMirrors: ["http://a", "http://b/"] }).registryMirrors, [
    "http://a/",
    "http://b/",
  ]);
});

test("withConfigFile: a dockerd's daemon.json serves, and what has no effect is told", async () => {
  const path = await file(
    JSON.stringify({
      "log-driver": "json-file",
      "log-opts": { "max-size": "10m", "max-file": "3" },
      "live-restore": true,
      "exec-opts": ["native.cgroupdriver=systemd"],
      "default-shm-size": "128M",
      features: { buildkit: true },
      "userland-proxy-path": "/usr/bin/docker-proxy",
      "storage-driver": "overlay2",
      proxies: { "http-proxy": "http://p:1", "no-proxy": "a,b" },
    }),
  );
  const options = toDaemonOptions(await withConfigFile({ configFile: path, notes: ["option x has no effect here"] }));
  assert.deepEqual(options.containers.logConfig, { Type: "json-file", Config: { "max-size": "10m", "max-file": "3" } });
  assert.deepEqual(options.containers.hostConfig, { ShmSize: 128 * 2 ** 20 });
  assert.deepEqual(options.proxies, {
    HTTP_PROXY: "http://p:1",
    http_proxy: "http://p:1",
    NO_PROXY: "a,b",
    no_proxy: "a,b",
  });
  assert.deepEqual(options.notes, [
    "option x has no effect here",
    "option exec-opts native.cgroupdriver=systemd has no effect here: containers' cgroups are made without systemd",
  ]);
  const wrong = await file('{"live-restore": "yes"}');
  await assert.rejects(withConfigFile({ configFile: wrong }), { message: /invalid value for live-restore$/ });
});

test("parseFlags: takes flags that only dockerd has", () => {
  assert.deepEqual(
    parseFlags(["--live-restore", "--userland-proxy-path=/x", "--exec-opt", "native.cgroupdriver=cgroupfs"]),
    {},
  );
  assert.deepEqual(parseFlags(["--live-restore=false", "--shutdown-timeout=5", "--log-opt", "a=b"]), {
    logOptions: ["a=b"],
    notes: ["option live-restore has no effect here: containers always outlive the daemon"],
  });
  assert.throws(() => parseFlags(["--shutdown-timeout=x"]), { code: "INVALID_FLAG" });
});
