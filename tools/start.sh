#!/bin/sh
# `npm start`: set up, then do varve's main job on a real image. Ends with the daemon running.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
sh "$here/tools/setup.sh"
exec sh "$here/tools/node.sh" "$here/tools/start.ts"
