import assert from "node:assert/strict";
import { test } from "node:test";
import { syslogMessage } from "./syslogMessage.ts";
import type { SyslogFormat } from "./syslogOptions.ts";

/** Its text in whatever zone the test runs. */
const TIME = new Date(2026, 10, 5, 3, 9, 51, 42);

function message(format: SyslogFormat, stream: "stdout" | "stderr" = "stdout"): string {
  const source = { format, facility: 3, hostname: "vm", tag: "da86b370fd04", pid: 7898 };
  return syslogMessage(source, { stream, text: Buffer.from("hi  ") }, TIME).toString();
}

test("syslog messages: as dockerd sends them", () => {
  assert.equal(message("unix"), "<30>Nov  5 03:09:51 da86b370fd04[7898]: hi  \n");
  assert.equal(message("rfc3164", "stderr"), "<27>Nov  5 03:09:51 vm da86b370fd04[7898]: hi  \n");
  const zone = /^<30>1 2026-11-05T03:09:51(Z|[+-]\d\d:\d\d) vm da86b370fd04 7898 da86b370fd04 - hi {2}\n$/;
  assert.match(message("rfc5424"), zone);
  assert.match(message("rfc5424micro"), /^<30>1 2026-11-05T03:09:51\.042000(Z|[+-]\d\d:\d\d) vm da86/);
});

test("syslog messages: an RFC 3339 time names the instant", () => {
  const [, time = ""] = message("rfc5424micro").split(" ");
  assert.equal(new Date(time).getTime(), TIME.getTime());
});
