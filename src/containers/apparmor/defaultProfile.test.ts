import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { loadDefaultProfile } from "./defaultProfile.ts";

/** A kernel of files, and a parser that is `script`; `$LOADED` is the kernel's list. */
function hostOf(context: TestContext, { enabled = "Y\n", loaded = "", script = "exit 0" } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "varve-apparmor-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const host = { enabled: join(folder, "enabled"), loaded: join(folder, "loaded"), parser: join(folder, "parser") };
  writeFileSync(host.enabled, enabled);
  writeFileSync(host.loaded, loaded);
  writeFileSync(host.parser, `#!/bin/sh\nLOADED=${host.loaded}\n${script}\n`);
  chmodSync(host.parser, 0o755);
  return host;
}

test("AppArmor: no profile where the kernel has none, or nothing can load one", async (context) => {
  assert.equal(await loadDefaultProfile(hostOf(context, { enabled: "N\n" })), undefined);
  assert.equal(await loadDefaultProfile({ ...hostOf(context), parser: undefined }), undefined);
});

test("AppArmor: the profile that is there stays", async (context) => {
  const host = hostOf(context, { loaded: "man (enforce)\ndocker-default (enforce)\n", script: "exit 1" });
  assert.equal(await loadDefaultProfile(host), "docker-default");
});

test("AppArmor: the parser gets the policy on its input", async (context) => {
  const host = hostOf(context, {
    script: 'grep -q "^profile docker-default" && echo "docker-default (enforce)" >$LOADED',
  });
  assert.equal(await loadDefaultProfile(host), "docker-default");
});

test("AppArmor: nothing starts unconfined because the kernel did not take the profile", async (context) => {
  const host = hostOf(context, { script: "cat >/dev/null; echo 'Access denied' >&2; exit 1" });
  const message = `AppArmor enabled on system but the docker-default profile could not be loaded: ${host.parser} ended with 1: Access denied`;
  await assert.rejects(loadDefaultProfile(host), { category: "failed_precondition", message });
});
