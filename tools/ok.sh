#!/bin/sh
# `npm run ok`: everything that can be checked without root: types, lint, format, dead code, boundaries, unit tests.
set -eu
cd "$(dirname "$0")/.."
PATH="$PWD/node_modules/.bin:$PATH"
step() { echo "ok: $1"; }
step types;       tsc --noEmit
step lint;        oxlint --type-aware --deny-warnings --quiet src test tools benchmarks
step format;      biome format src test tools benchmarks
step "dead code"; sh tools/node.sh node_modules/knip/bin/knip.js
step "unit";      sh tools/node.sh --test --test-reporter=dot "src/**/*.test.ts" test/boundaries.test.ts
