import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { DEFAULT_CI_THRESHOLDS, parseDiveCi } from "#analysis";
import { hasCode, isEngineError, messageOf } from "#errors";

test("dive-ci: rules with comments, other keys and lists beside them", () => {
  const text = [
    "---",
    "plugins:",
    "  - plugin1",
    "",
    "rules:",
    "  # efficiency between 0-1",
    "  lowestEfficiency: 0.95",
    "",
    "  highestWastedBytes: 20Mb # a size",
    "  highestUserWastedPercent: 0.5",
    "  plugin1/rule1: error",
  ].join("\n");
  assert.deepEqual(parseDiveCi(text), {
    lowestEfficiency: "0.95",
    highestWastedBytes: "20Mb",
    highestUserWastedPercent: "0.5",
  });
});

test("dive-ci: quotes, words and Windows line ends", () => {
  const text =
    "\uFEFFrules:\r\n    'lowestEfficiency': \"0.9\"\r\n    highestWastedBytes: 'disabled'\r\n    highestUserWastedPercent: off\r\n";
  assert.deepEqual(parseDiveCi(text), {
    lowestEfficiency: "0.9",
    highestWastedBytes: "disabled",
    highestUserWastedPercent: "off",
  });
});

test("dive-ci: what is not set, or null, has the default", () => {
  for (const text of [
    "",
    "# nothing",
    "rules:\n",
    "rules: ~\n",
    "other:\n  lowestEfficiency: 1\n",
    "rules:\n  lowestEfficiency:\n",
  ]) {
    assert.deepEqual(parseDiveCi(text), DEFAULT_CI_THRESHOLDS, text);
  }
  assert.equal(parseDiveCi("rules:\n  lowestEfficiency: null\n").lowestEfficiency, "0.9");
  assert.equal(parseDiveCi('rules:\n  lowestEfficiency: ""\n').lowestEfficiency, "");
  assert.equal(parseDiveCi('rules:\n  lowestEfficiency: "a\\t\\"b"\n').lowestEfficiency, 'a\t"b');
});

test("dive-ci: reading ends with the document", () => {
  assert.equal(
    parseDiveCi("rules:\n  lowestEfficiency: 0.1\n...\n  highestWastedBytes: 1\n").highestWastedBytes,
    "disabled",
  );
});

test("dive-ci: what is no block of scalars is refused with its line", () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ["rules:\n  lowestEfficiency 0.9\n", /^yaml: line 2: could not find expected ':'$/],
    ["rules:\n\tlowestEfficiency: 0.9\n", /^yaml: line 2: found character that cannot start any token$/],
    ["rules:\n  lowestEfficiency: 0.9\n    highestWastedBytes: 1\n", /^yaml: line 3: did not find expected key$/],
    ["rules:\n  lowestEfficiency: [0.9]\n", /^yaml: line 2: cannot unmarshal/],
    ['rules:\n  lowestEfficiency: "0.9\n', /^yaml: line 2: found unexpected end of stream$/],
    ["rules: {lowestEfficiency: 0.9}\n", /^yaml: line 1: cannot unmarshal rules$/],
    ["rules:\n  - lowestEfficiency: 0.9\n", /^yaml: line 2: could not find expected ':'$/],
  ];
  for (const [text, message] of cases) {
    assert.throws(
      () => parseDiveCi(text),
      (error) => hasCode(error, "INVALID_FLAG") && message.test(messageOf(error)),
      text,
    );
  }
});

test("dive-ci: a long line is read in no time", () => {
  const long = `rules:\n  ${"a ".repeat(50_000)}\n`;
  assert.throws(() => parseDiveCi(long));
  assert.deepEqual(parseDiveCi(`rules:\n  lowestEfficiency: 1${" ".repeat(50_000)}\n`).lowestEfficiency, "1");
});

test("dive-ci: any text gives thresholds or an error of its own", () => {
  const line = fc.constantFrom(
    "rules:",
    "  lowestEfficiency: 0.5",
    "  highestWastedBytes: '1",
    "\t",
    "- x",
    "  a: b",
    " c",
    "# d",
    "...",
    "'",
    '"',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(line).map((lines) => lines.join("\n")),
      ),
      (text) => {
        try {
          assert.deepEqual(Object.keys(parseDiveCi(text)).sort(), Object.keys(DEFAULT_CI_THRESHOLDS).sort());
        } catch (error) {
          assert.ok(isEngineError(error) && hasCode(error, "INVALID_FLAG"), messageOf(error));
        }
      },
    ),
    { numRuns: 1000 },
  );
});
