import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { DEFAULT_CI_THRESHOLDS, scoreImage } from "#analysis";
import { isCi } from "./diveFlags.ts";
import type { DiveFlags } from "./diveFlags.ts";
import { exampleFacts } from "./dive.testkit.test.ts";
import { checkReportPath, ciRules, judge } from "./judge.ts";
import { targetName } from "./openTarget.ts";

const named = (image: string, source = "docker"): string => targetName({ image, source, platform: "" });

test("dive: images by dive's schemes, by sources, and by --source", () => {
  assert.equal(named("web:1"), "web:1");
  assert.equal(named("docker://web:1"), "web:1");
  assert.equal(named("docker-archive://a/b.tar"), "docker-archive:a/b.tar");
  assert.equal(named("docker-tar:///b.tar"), "docker-archive:/b.tar");
  assert.equal(named("oci-layout:dir"), "oci-layout:dir");
  assert.equal(named("b.tar", "docker-archive"), "docker-archive:b.tar");
  assert.equal(named("docker-archive:b.tar", "docker-archive"), "docker-archive:b.tar");
  assert.throws(() => named("podman://web"), /podman save/);
  assert.throws(() => named("web", "nonsense"), /invalid source "nonsense"/);
});

test("dive: CI=true means --ci, in dive's words", () => {
  const flags: DiveFlags = {
    ci: false,
    "ci-config": ".dive-ci",
    json: "",
    "lowest-efficiency": "0.9",
    "highest-wasted-bytes": "disabled",
    "highest-user-wasted-percent": "0.1",
    "ignore-errors": false,
  };
  assert.deepEqual(
    [undefined, "", "false", "true", "1", "yes"].map((CI) => isCi(flags, CI === undefined ? {} : { CI })),
    [false, false, false, true, true, true],
  );
  assert.equal(isCi({ ...flags, ci: true }, {}), true);
});

test("dive: a file with rules takes the place of the flags; a broken one is told", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "varve-dive-"));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, ".dive-ci");
  const strict = { ...DEFAULT_CI_THRESHOLDS, lowestEfficiency: "1" };
  const scores = scoreImage(exampleFacts().tree);
  assert.equal(judge(ciRules(path, strict), scores, false).hasPassed, false);
  await writeFile(path, "rules:\n  lowestEfficiency: 0.1\n  highestUserWastedPercent: disabled\n");
  const { report, hasPassed } = judge(ciRules(path, strict), scores, false);
  assert.equal(hasPassed, true);
  assert.match(report, /PASS {2}lowestEfficiency \(0\.1\)\n\nPASS \[pass:1 skip:2\]\n$/);
  assert.ok(judge(ciRules(path, strict), scores, true).report.includes("\x1b[32mPASS\x1b[0m"));
  await writeFile(path, "rules:\n\tlowestEfficiency: 1\n");
  assert.throws(() => ciRules(path, strict), /failed to unmarshal CI config file .*: yaml: line 2/);
  assert.throws(() => ciRules(folder, strict), /failed to read CI config file .*is a directory/);
  assert.throws(() => checkReportPath(join(folder, "no/r.json")), /directory for JSON export does not exist/);
});
