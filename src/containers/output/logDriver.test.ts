import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSize } from "./forward/sizes.ts";
import { bufferBytes, checkLogConfig, logLimits } from "./logDriver.ts";

const of = (Type: string, Config: Readonly<Record<string, string>> = {}): Parameters<typeof checkLogConfig>[0] => ({
  Type,
  Config,
});

test("log driver: unknown drivers, options and modes are refused in dockerd's words", () => {
  const cases = [
    [of("json-file", { foo: "1" }), "unknown log opt 'foo' for json-file log driver"],
    [of("local", { foo: "1" }), "unknown log opt 'foo' for log driver local"],
    [of("local", { labels: "a" }), "unknown log opt 'labels' for log driver local"],
    [of("syslog", { foo: "1" }), "unknown log opt 'foo' for syslog log driver"],
    [of("nope"), 'error looking up logging plugin nope: plugin "nope" not found'],
    [of("awslogs"), 'error looking up logging plugin awslogs: plugin "awslogs" not found'],
    [of("logentries"), "the logentries logging driver has been deprecated and removed"],
    [of("json-file", { mode: "x" }), "logger: logging mode not supported: x"],
    [
      of("json-file", { "max-buffer-size": "4m" }),
      "logger: max-buffer-size option is only supported with 'mode=non-blocking'",
    ],
    [
      of("json-file", { mode: "non-blocking", "max-buffer-size": "z" }),
      "error parsing option max-buffer-size: invalid size: 'z'",
    ],
  ] as const;
  for (const [config, message] of cases) assert.throws(() => checkLogConfig(config), { message });
  checkLogConfig(of("json-file", { "max-size": "1m", tag: "x", labels: "a", mode: "non-blocking" }));
});

test("log driver: limits of json-file and local, defaults and failures of the start", () => {
  assert.deepEqual(logLimits(of("json-file")), { maxBytes: Infinity, maxFiles: 1, compress: false });
  assert.deepEqual(logLimits(of("local")), { maxBytes: 20_000_000, maxFiles: 5, compress: true });
  assert.equal(logLimits(of("none")), undefined);
  const own = of("json-file", { "max-size": "10m", "max-file": "3", compress: "true" });
  assert.deepEqual(logLimits(own), { maxBytes: 10_000_000, maxFiles: 3, compress: true });
  const why = "failed to create task for container: failed to initialize logging driver: ";
  for (const [config, message] of [
    [of("json-file", { "max-size": "abc" }), "invalid size: 'abc'"],
    [of("json-file", { "max-size": "0" }), "max-size must be a positive number"],
    [of("json-file", { "max-file": "0" }), "max-file cannot be less than 1"],
    [of("json-file", { "max-file": "x" }), 'strconv.Atoi: parsing "x": invalid syntax'],
    [
      of("json-file", { compress: "true" }),
      "compress cannot be true when max-file is less than 2 or max-size is not set",
    ],
    [of("local", { "max-file": "1" }), "compression cannot be enabled when max file count is 1"],
  ] as const)
    assert.throws(() => logLimits(config), { message: why + message });
});

test("sizes: units, with or without B", () => {
  assert.equal(parseSize("10m", 1000), 10_000_000);
  assert.equal(parseSize("1.5KiB", 1024), 1536);
  assert.equal(parseSize("7", 1000), 7);
  assert.equal(parseSize("m", 1000), undefined);
});

test("log driver: what is forwarded keeps a bounded cache, unless it is disabled", () => {
  assert.deepEqual(logLimits(of("syslog")), { maxBytes: 20_000_000, maxFiles: 5, compress: true });
  const own = of("journald", { "cache-max-size": "1m", "cache-max-file": "2", "cache-compress": "false" });
  assert.deepEqual(logLimits(own), { maxBytes: 1_000_000, maxFiles: 2, compress: false });
  assert.equal(logLimits(of("syslog", { "cache-disabled": "true" })), undefined);
  assert.throws(() => checkLogConfig(of("syslog", { "cache-disabled": "x" })), {
    message: "invalid value for option cache-disabled: x",
  });
  assert.throws(() => checkLogConfig(of("syslog", { "syslog-facility": "x" })), { message: "invalid syslog facility" });
  assert.equal(bufferBytes(of("syslog", { "max-buffer-size": "4k" })), undefined);
  assert.equal(bufferBytes(of("syslog", { mode: "non-blocking", "max-buffer-size": "4k" })), 4096);
});
