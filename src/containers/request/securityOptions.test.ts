import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSecurityOptions } from "./securityOptions.ts";

test("security options: the last one wins, `:` still separates", () => {
  assert.deepEqual(
    parseSecurityOptions([
      "no-new-privileges",
      "seccomp:unconfined",
      "apparmor=x",
      "label=disable",
      "writable-cgroups=1",
    ]),
    { noNewPrivileges: true, seccomp: "unconfined", appArmor: "x", writableCgroups: true },
  );
  assert.equal(parseSecurityOptions(["no-new-privileges=true", "no-new-privileges=false"]).noNewPrivileges, false);
});

test("security options: a profile may hold any character", () => {
  assert.equal(parseSecurityOptions(['seccomp={"a":"b=c"}']).seccomp, '{"a":"b=c"}');
});

test("security options: what is no flag is refused", () => {
  assert.throws(() => parseSecurityOptions(["no-new-privileges=foo"]), {
    message: 'invalid --security-opt 2: "no-new-privileges=foo"',
  });
});
