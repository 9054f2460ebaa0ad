#!/bin/sh
# Makes a fresh Debian or Ubuntu machine ready: system packages, npm packages, Node 26. Safe to run again and again.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
cd "$here"
fail() { echo "setup: $*" >&2; exit 1; }
say() { echo "setup: $*"; }

[ "$(uname -s)" = Linux ] || fail "varve needs Linux; this is $(uname -s)"
[ "$(id -u)" = 0 ] || fail "root is needed (mounts, namespaces, packages): sudo npm start"
command -v npm >/dev/null || fail "npm is missing: install Node.js 20 or newer with npm"

# Node 26 is linked with libatomic, which a small Debian 13 lacks. crun and runc: one of them runs a container (crun refuses some hybrid cgroup hosts); conmon holds it; catatonit is for --init; libisal inflates
# twice as fast as zlib, libdeflate compresses; libseccomp compiles the system call filter once; libnftables sets the packet filter of container networks; xz and bzip2 open such archives.
packages="ca-certificates crun runc conmon catatonit libatomic1 libisal2 libdeflate0 libseccomp2 libnftables1 xz-utils bzip2 ${SETUP_EXTRA_PACKAGES:-}"
missing=""
for package in $packages; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $package"
done
if [ -n "$missing" ]; then
  command -v apt-get >/dev/null || fail "these packages are missing and apt-get is not here to install them:$missing"
  say "installing$missing"
  export DEBIAN_FRONTEND=noninteractive
  # shellcheck disable=SC2086
  apt-get install -y -q --no-install-recommends $missing >/tmp/varve-setup.$$ 2>&1 || {
    apt-get update -q >/tmp/varve-setup.$$ 2>&1 || true
    apt-get install -y -q --no-install-recommends $missing >/tmp/varve-setup.$$ 2>&1 || { tail -n 5 /tmp/varve-setup.$$ >&2; rm -f /tmp/varve-setup.$$; fail "apt-get could not install:$missing"; }
  }
  rm -f /tmp/varve-setup.$$
fi

stamp=node_modules/.varve-stamp
want=$(cat package.json package-lock.json | cksum)
if [ "$(cat $stamp 2>/dev/null || true)" != "$want" ]; then
  say "installing npm packages and Node 26"
  npm install --no-save --no-progress >/tmp/varve-npm.$$ 2>&1 || { tail -n 5 /tmp/varve-npm.$$ >&2; rm -f /tmp/varve-npm.$$; fail "npm install failed"; }
  rm -f /tmp/varve-npm.$$
  echo "$want" >$stamp
fi
sh tools/node.sh tools/bundle/bundle.ts || fail "the command could not be bundled"
say "ready: Node $(sh tools/node.sh --version), $(conmon --version | head -n 1), $( (crun --version || runc --version) 2>/dev/null | head -n 1)"
