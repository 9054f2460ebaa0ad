import assert from "node:assert/strict";
import { test } from "node:test";
import { boolFlag, FORMAT_USAGE, stringFlag } from "./flags.ts";
import { flagUsages } from "./usage.ts";

test("usage: is laid out as pflag does for 80 columns", () => {
  const flags = {
    quiet: boolFlag("q", "Suppress verbose output"),
    platform: stringFlag(undefined, "Set platform if server is multi-platform capable"),
    "disable-content-trust": boolFlag(undefined, "Skip image verification", true),
    "all-tags": boolFlag("a", "Download all tagged images in the repository"),
    secret: { ...boolFlag(undefined, "never shown"), hidden: true },
  };
  // `docker pull --help`, CLI 28.2.
  assert.equal(
    flagUsages(flags, 80),
    `  -a, --all-tags                Download all tagged images in the repository
      --disable-content-trust   Skip image verification (default true)
      --platform string         Set platform if server is multi-platform
                                capable
  -q, --quiet                   Suppress verbose output
`,
  );
});

test("usage: keeps the lines of a format's help and wraps them", () => {
  // `docker history --help`, CLI 28.2.
  const flags = {
    format: stringFlag(undefined, FORMAT_USAGE),
    "no-trunc": boolFlag(undefined, "Don't truncate output"),
  };
  assert.equal(
    flagUsages(flags, 80),
    `      --format string   Format output using a custom template:
                        'table':            Print output in table format
                        with column headers (default)
                        'table TEMPLATE':   Print output in table format
                        using the given Go template
                        'json':             Print in JSON format
                        'TEMPLATE':         Print output using the given
                        Go template.
                        Refer to https://docs.docker.com/go/formatting/
                        for more information about formatting output with
                        templates
      --no-trunc        Don't truncate output
`,
  );
});

test("usage: a string's default is quoted", () => {
  assert.equal(
    flagUsages({ tail: stringFlag("n", "Lines", { shownDefault: "all" }) }, 80),
    '  -n, --tail string   Lines (default "all")\n',
  );
});
