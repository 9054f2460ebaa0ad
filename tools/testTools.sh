#!/bin/sh
# The foreign tools that end-to-end tests speak with, put where they disturb nothing: skopeo, umoci and friends as
# packages; docker's command line and Debian's docker-registry unpacked into a cache (installed, the registry would run
# as a service, and a docker package would bring a daemon). Prints the folder with the unpacked programs.
set -eu
cache=${VARVE_TEST_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/varve/test-tools}
mkdir -p "$cache/bin"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"

unpack() { # package, program: out of the package's file into the cache
  (cd "$work" && apt-get "$@" >/dev/null 2>&1)
}
take() { # program: wherever the packages in $work have it
  for deb in "$work"/*.deb; do [ -e "$deb" ] && dpkg -x "$deb" "$work/root" && rm -f "$deb"; done
  for folder in usr/bin usr/sbin; do
    [ -x "$work/root/$folder/$1" ] && cp "$work/root/$folder/$1" "$cache/bin/$1" && return 0
  done
  return 1
}

newer() { # package: downloads it from Debian 13, which this machine's own sources need not name
  mirror=$(sed -n 's/^URIs: *//p;s/^deb  *\(\[[^]]*\] \)\?\(http[^ ]*\) .*/\2/p' /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null | grep -v security | head -n 1)
  [ -n "$mirror" ] || return 1
  mkdir -p "$work/lists/partial"
  echo "deb $mirror trixie main" >"$work/sources.list"
  options="-o Dir::Etc::sourcelist=$work/sources.list -o Dir::Etc::sourceparts=/dev/null -o Dir::State::lists=$work/lists"
  # shellcheck disable=SC2086
  unpack $options update && unpack $options download "$1"
}

if [ ! -x "$cache/bin/docker-registry" ]; then
  unpack download docker-registry || { apt-get update -q >/dev/null 2>&1; unpack download docker-registry; } || true
  take docker-registry || { echo "test tools: the package docker-registry could not be fetched" >&2; exit 1; }
fi

if [ ! -x "$cache/bin/docker" ]; then
  found=$(command -v docker || true)
  if [ -n "$found" ]; then
    ln -sf "$found" "$cache/bin/docker"
  else
    # Debian 12 has only docker.io 20.10; the newer command line alone is a package from Debian 13 on.
    unpack download docker-cli || newer docker-cli || unpack download docker.io || true
    take docker || { echo "test tools: no docker command line could be fetched" >&2; exit 1; }
  fi
fi
# What talks to the Engine API without the docker command: pinned, for their words and calls change.
clients="dockerode@5.0.1 testcontainers@12.2.0"
if [ "$(cat "$cache/clients/.stamp" 2>/dev/null || true)" != "$clients" ]; then
  mkdir -p "$cache/clients"
  echo '{"private":true}' >"$cache/clients/package.json"
  # shellcheck disable=SC2086
  npm install --prefix "$cache/clients" --no-progress --no-audit --no-fund --ignore-scripts $clients >"$work/npm.log" 2>&1 || {
    tail -n 5 "$work/npm.log" >&2
    echo "test tools: dockerode and testcontainers could not be installed" >&2
    exit 1
  }
  echo "$clients" >"$cache/clients/.stamp"
fi

# The compose and buildx plugins, beside the docker command as docker looks for them: DOCKER_CONFIG/cli-plugins of a test.
for plugin in docker-compose docker-buildx; do
  [ -x "$cache/bin/$plugin" ] && continue
  newer "$plugin" && for deb in "$work"/*.deb; do dpkg -x "$deb" "$work/root"; done
  found=$(find "$work/root" -path "*cli-plugins/$plugin" -type f 2>/dev/null | head -n 1)
  [ -n "$found" ] && cp "$found" "$cache/bin/$plugin"
  [ -x "$cache/bin/$plugin" ] || { echo "test tools: no plugin $plugin could be fetched" >&2; exit 1; }
done
"$cache/bin/docker" --version >/dev/null || { echo "test tools: $cache/bin/docker does not run here" >&2; exit 1; }
echo "$cache/bin"
