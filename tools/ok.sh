#!/bin/sh
# Everything that can be checked without root: types, lint, format, dead code, boundaries and unit tests.
set -eu
cd "$(dirname "$0")/.."
PATH="$PWD/node_modules/.bin:$PATH"
node26() { sh tools/node.sh "$@"; }
echo "types";      tsc --noEmit
echo "lint";       oxlint --type-aware --deny-warnings src test tools benchmarks
echo "format";     biome format src test tools benchmarks
echo "dead code";  node26 node_modules/knip/bin/knip.js
echo "unit tests"; node26 --test --test-reporter=dot "src/**/*.test.ts" test/boundaries.test.ts
