#!/bin/sh
# `npm test`: installs what tests need, then runs all of them: unit, contract, integration (root), end to end.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
cd "$here"
SETUP_EXTRA_PACKAGES="skopeo umoci mmdebstrap erofs-utils attr acl libcap2-bin busybox-static zstd openssl kmod e2fsprogs python3-docker tmux" sh tools/setup.sh
PATH="$(sh tools/testTools.sh):$PATH"
export PATH
echo "test: unit and contract"
sh tools/node.sh --test --test-reporter=dot "src/**/*.test.ts" test/boundaries.test.ts "test/contract/*.test.ts"
echo "test: integration (root, kernel mounts)"
sh tools/node.sh --test --test-concurrency=1 --test-reporter=spec "test/integration/*.test.ts"
echo "test: end to end (docker command line, compose, dockerode, testcontainers, docker-py, skopeo, umoci, docker-registry, tmux)"
sh tools/node.sh --test --test-concurrency=1 --test-reporter=spec "test/e2e/*.test.ts" "test/e2e/build/*.test.ts" "test/e2e/dive/*.test.ts"
