import assert from "node:assert/strict";
import { test } from "node:test";
import { buildImageTree, DEFAULT_CI_THRESHOLDS, evaluateCi, formatCiReport, parseCiRules, scoreImage } from "#analysis";
import type { CiThresholds, ImageScores } from "#analysis";
import { messageOf } from "#errors";
import { file, layer } from "./analysis.testkit.test.ts";
import { archivesAreMissing, readArchive } from "./archive.testkit.test.ts";

const SCORES: ImageScores = {
  efficiency: 0.984_421_213_418_430_9,
  sizeBytes: 1_220_598,
  userBytes: 66_237,
  wastedBytes: 32_025,
  userWastedRatio: 0.483_491_099_3,
  layerBytes: [1_154_361, 66_237],
  inefficiencies: [{ path: "root/saved.txt", count: 2, bytes: 32_025 }],
};

function thresholds(efficiency: string, bytes: string, percent: string): CiThresholds {
  return { lowestEfficiency: efficiency, highestWastedBytes: bytes, highestUserWastedPercent: percent };
}

const judged = (given: CiThresholds, scores: ImageScores = SCORES): readonly string[] =>
  evaluateCi(parseCiRules(given), scores).map(({ key, status, message }) => `${status} ${key} (${message})`);

test("ci: all fail, with dive's reasons", () => {
  assert.deepEqual(judged(thresholds("0.99", "1B", "0.01")), [
    "fail highestUserWastedPercent (too many bytes wasted, relative to the user bytes added (%-user-wasted-bytes=0.48 > threshold=0.01))",
    "fail highestWastedBytes (too many bytes wasted (wasted-bytes=32025 > threshold=1))",
    "fail lowestEfficiency (image efficiency is too low (efficiency=0.98 < threshold=0.99))",
  ]);
});

test("ci: all pass, the threshold as it was written", () => {
  assert.deepEqual(judged(thresholds("0.9", "50kB", "0.5")), [
    "pass highestUserWastedPercent (0.5)",
    "pass highestWastedBytes (50kB)",
    "pass lowestEfficiency (0.9)",
  ]);
});

test("ci: every word for off", () => {
  for (const off of ["disabled", "DISABLED", " off ", "false", ""]) {
    assert.deepEqual(judged(thresholds(off, off, off)), [
      "skip highestUserWastedPercent (disabled)",
      "skip highestWastedBytes (disabled)",
      "skip lowestEfficiency (disabled)",
    ]);
  }
});

test("ci: what is just met passes", () => {
  const scores = { ...SCORES, efficiency: 0.9, wastedBytes: 1000, userWastedRatio: 0.1 };
  for (const line of judged(thresholds("0.9", "1kB", "0.1"), scores)) assert.match(line, /^pass /);
});

test("ci: 0 of 0 user bytes passes, some of 0 fails", () => {
  const scores = scoreImage(buildImageTree([layer(file("a", 4))]));
  assert.match(judged(DEFAULT_CI_THRESHOLDS, scores)[0] ?? "", /^pass/);
  assert.match(
    judged(DEFAULT_CI_THRESHOLDS, { ...SCORES, userWastedRatio: Infinity })[0] ?? "",
    /user-wasted-bytes=\+Inf > threshold=0\.1/,
  );
});

test("ci: a threshold that is none is refused, all of them at once", () => {
  const cases: readonly (readonly [CiThresholds, string])[] = [
    [
      thresholds("1.1", "50kB", "0.5"),
      "lowestEfficiency config value is outside allowed range (0-1), given '1.100000'",
    ],
    [
      thresholds("-0.1", "50kB", "0.5"),
      "lowestEfficiency config value is outside allowed range (0-1), given '-0.100000'",
    ],
    [
      thresholds("not_a_number", "50kB", "0.5"),
      'invalid lowestEfficiency config value, given "not_a_number": strconv.ParseFloat: parsing "not_a_number": invalid syntax',
    ],
    [
      thresholds("0.9", "not_a_size", "2"),
      'invalid highestWastedBytes config value, given "not_a_size": strconv.ParseFloat: parsing "": invalid syntax\n' +
        "highestUserWastedPercent config value is outside allowed range (0-1), given '2.000000'",
    ],
  ];
  for (const [given, message] of cases) {
    assert.throws(
      () => parseCiRules(given),
      (error) => messageOf(error) === message,
    );
  }
});

test("ci: the report as dive prints it for its test image", { skip: archivesAreMissing }, async () => {
  const scores = scoreImage((await readArchive("test-docker-image.tar")).tree);
  const results = evaluateCi(parseCiRules(thresholds("0.9", "20MB", "0.90")), scores);
  const expected = [
    "Analysis:",
    "  efficiency:        98.44 %",
    "  wastedBytes:       32025 bytes (32 kB)",
    "  userWastedPercent: 48.35 %",
    "",
    "Inefficient Files:",
    "  Count  Wasted Space  File Path",
    "  2      13 kB         /root/saved.txt",
    "  2      13 kB         /root/example/somefile1.txt",
    "  2      6.4 kB        /root/example/somefile3.txt",
    "",
    "Evaluation:",
    "  PASS  highestUserWastedPercent (0.90)",
    "  PASS  highestWastedBytes (20MB)",
    "  PASS  lowestEfficiency (0.9)",
    "",
    "PASS [pass:3]",
  ];
  assert.equal(formatCiReport(scores, results), expected.join("\n"));
});

test("ci: the report of an image that wastes nothing, and of one that fails", () => {
  const scores = scoreImage(buildImageTree([layer(file("a", 4)), layer(file("b", 4))]));
  const text = formatCiReport(scores, evaluateCi(parseCiRules(DEFAULT_CI_THRESHOLDS), scores));
  assert.ok(text.includes("  wastedBytes:       0 bytes \n  userWastedPercent: 0 %\n\nInefficient Files: (None)\n\n"));
  assert.ok(text.endsWith("\n\nPASS [pass:2 skip:1]"));
  const failed = formatCiReport(SCORES, evaluateCi(parseCiRules(DEFAULT_CI_THRESHOLDS), SCORES), (style, words) =>
    style === "fail" ? `<${words}>` : words,
  );
  assert.ok(failed.includes("  <FAIL>  highestUserWastedPercent (too many"));
  assert.ok(failed.endsWith("<FAIL> [pass:1 fail:1 skip:1]"));
});
