#!/bin/sh
# `npm run install:system`: varve on the PATH, shell completion, a systemd unit. `--uninstall` takes all of it away;
# images stay. DESTDIR is honoured, for packages and tests.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
root=${DESTDIR:-}
bin=$root/usr/local/bin/varve
bash=$root/usr/share/bash-completion/completions/varve
zsh=$root/usr/share/zsh/vendor-completions/_varve
fish=$root/usr/share/fish/vendor_completions.d/varve.fish
unit=$root/etc/systemd/system/varve.service
systemd() { [ -z "$root" ] && [ -d /run/systemd/system ]; }

[ -n "$root" ] || [ "$(id -u)" = 0 ] || { echo "install: root is needed: sudo npm run install:system" >&2; exit 1; }
if [ "${1:-}" = --uninstall ]; then
  if systemd; then systemctl disable --now varve.service 2>/dev/null || true; fi
  rm -f "$bin" "$bash" "$zsh" "$fish" "$unit"
  echo "install: varve is taken away; its images stay under /var/lib/varve"
  exit 0
fi

[ -n "$root" ] || sh "$here/tools/setup.sh"
mkdir -p "$(dirname "$bin")" "$(dirname "$bash")" "$(dirname "$zsh")" "$(dirname "$fish")" "$(dirname "$unit")"
ln -sf "$here/bin/varve" "$bin"
"$here/bin/varve" completion bash >"$bash"
"$here/bin/varve" completion zsh >"$zsh"
"$here/bin/varve" completion fish >"$fish"
cat >"$unit" <<UNIT
[Unit]
Description=varve container image engine
After=network-online.target
Wants=network-online.target

[Service]
ExecStart=$here/bin/varve daemon
ExecReload=/bin/kill -s HUP \$MAINPID
Restart=on-failure
RestartSec=2
# Containers outlive the daemon: only it is stopped, never what it started.
KillMode=process
Delegate=yes
LimitNOFILE=1048576
TasksMax=infinity
OOMScoreAdjust=-500

[Install]
WantedBy=multi-user.target
UNIT
if systemd; then
  getent group varve >/dev/null || groupadd --system varve
  systemctl daemon-reload
  # One daemon a data root: one that a command started makes room. Its containers go on.
  pid=$(cat /run/varve/varve.pid 2>/dev/null || true)
  if [ -n "$pid" ] && ! systemctl is-active --quiet varve.service && grep -qa daemon/main.ts "/proc/$pid/cmdline" 2>/dev/null; then
    kill "$pid"
    waited=0
    while [ -e "/proc/$pid" ] && [ $waited -lt 100 ]; do
      sleep 0.1
      waited=$((waited + 1))
    done
  fi
  systemctl enable --now varve.service
  echo "install: varve.service is running; add yourself to the group varve to use it without root"
else
  echo "install: $unit is in place (no systemd runs here to start it)"
fi
echo "install: varve is $bin -> $here/bin/varve"
