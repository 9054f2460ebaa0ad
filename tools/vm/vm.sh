#!/bin/sh
# A virtual machine with a Debian release's own kernel and systemd, to run varve and its tests where cgroups, kernel modules and AppArmor
# are those of users' machines. Not part of `npm test`. Needs root, qemu-system-x86, mmdebstrap, e2fsprogs, openssh-client; KVM where there is any.
#
#   sh tools/vm/vm.sh make trixie               a disk with Debian 13 (packages from the mirror that this machine's apt uses)
#   sh tools/vm/vm.sh boot trixie [WORDS…]      boots it in the background; WORDS go onto the kernel's command line
#   sh tools/vm/vm.sh copy trixie               this commit's files and node_modules to /root/varve in it
#   sh tools/vm/vm.sh in trixie COMMAND…        runs a command in it, as root
#   sh tools/vm/vm.sh end trixie                switches it off
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
home=${VARVE_VM_HOME:-/var/tmp/vm}
what=${1:-}
release=${2:-}
[ -n "$release" ] || { sed -n '2,/^set /s/^# \{0,1\}//p' "$0" >&2; exit 2; }
shift 2
arch=${VARVE_VM_ARCH:-amd64}
dir=$home/$release-$arch
[ "$arch" = amd64 ] && dir=$home/$release
mkdir -p "$dir"
port=${VARVE_VM_PORT:-2222}

inside() { ssh -q -i "$dir/key" -p "$port" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ConnectTimeout=5 root@127.0.0.1 "$@"; }

make() {
  mirror=${VARVE_VM_MIRROR:-$(sed -n 's/^URIs: *//p;s/^deb  *\(\[[^]]*\] \)\?\(http[^ ]*\) .*/\2/p' /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null | grep -v security | head -n 1)}
  [ -n "$mirror" ] || { echo "vm: no Debian mirror in this machine's apt configuration: set VARVE_VM_MIRROR" >&2; exit 1; }
  root=$dir/root
  rm -rf "$root"
  [ -e "$dir/key" ] || ssh-keygen -q -t ed25519 -N '' -f "$dir/key"
  packages="linux-image-$arch,initramfs-tools,systemd-sysv,systemd-resolved,dbus,udev,kmod,apparmor,openssh-server,ca-certificates,iproute2,iptables,nftables,procps,git,zstd,${VARVE_VM_PACKAGES:-less}"
  mmdebstrap --variant=apt --architectures="$arch" --include="$packages" --skip=check/empty "$release" "$root" "deb $mirror $release main"
  mkdir -p "$root/root/.ssh" "$root/etc/systemd/network" "$root/usr/local/share/ca-certificates"
  cp "$dir/key.pub" "$root/root/.ssh/authorized_keys"
  printf '[Match]\nName=en* eth*\n[Network]\nDHCP=yes\n' >"$root/etc/systemd/network/10-all.network"
  ln -sf ../run/systemd/resolve/stub-resolv.conf "$root/etc/resolv.conf"
  echo "varve-$release" >"$root/etc/hostname"
  printf '127.0.0.1 localhost varve-%s\n::1 localhost\n' "$release" >"$root/etc/hosts"
  echo '/dev/vda / ext4 defaults 0 1' >"$root/etc/fstab"
  cp /usr/local/share/ca-certificates/*.crt "$root/usr/local/share/ca-certificates/" 2>/dev/null || true
  chroot "$root" update-ca-certificates >/dev/null
  chroot "$root" systemctl enable systemd-networkd systemd-resolved ssh >/dev/null 2>&1
  # Node and npm as users have them come from elsewhere than Debian: this machine's are copied.
  if [ "$arch" = "$(dpkg --print-architecture)" ]; then
    install -m 755 "$(readlink -f "$(command -v node)")" "$root/usr/local/bin/node"
    npm=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")
    mkdir -p "$root/usr/local/lib/node_modules"
    cp -a "$npm" "$root/usr/local/lib/node_modules/npm"
    ln -sf ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
  fi
  cp "$root"/boot/vmlinu?-* "$dir/kernel"
  cp "$root"/boot/initrd.img-* "$dir/initrd"
  rm -f "$dir/disk"
  truncate -s "${VARVE_VM_DISK:-12G}" "$dir/disk"
  mkfs.ext4 -q -F -d "$root" "$dir/disk"
  rm -rf "$root"
}

boot() {
  words="root=/dev/vda rw console=ttyS0 $*"
  qemu=qemu-system-x86_64
  machine="-machine q35 -cpu max,la57=off"
  # A host that is itself a guest may have a KVM that starts only guests made for it: the processor's own modules must be there.
  if [ "$arch" = amd64 ] && [ -w /dev/kvm ] && { [ -d /sys/module/kvm_intel ] || [ -d /sys/module/kvm_amd ]; }; then machine="-machine q35,accel=kvm -cpu host"; fi
  if [ "$arch" = arm64 ]; then
    qemu=qemu-system-aarch64
    machine="-machine virt -cpu max,pauth-impdef=on"
    words="root=/dev/vda rw console=ttyAMA0 $*"
  fi
  # shellcheck disable=SC2086
  $qemu $machine -m "${VARVE_VM_MEMORY:-3G}" -smp "${VARVE_VM_CPUS:-2}" -display none -serial "file:$dir/console" -no-reboot -daemonize -pidfile "$dir/pid" \
    -kernel "$dir/kernel" -initrd "$dir/initrd" -append "$words" -drive "file=$dir/disk,if=virtio,format=raw,cache=unsafe,discard=unmap" \
    -netdev "user,id=net,hostfwd=tcp:127.0.0.1:$port-:22" -device virtio-net-pci,netdev=net -device virtio-rng-pci
  deadline=$(($(date +%s) + ${VARVE_VM_PATIENCE:-240}))
  while [ "$(date +%s)" -lt "$deadline" ]; do
    timeout 20 ssh -q -i "$dir/key" -p "$port" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ConnectTimeout=15 root@127.0.0.1 true 2>/dev/null && { echo "vm: $release runs as $(cat "$dir/pid")"; return 0; }
    sleep 1
  done
  tail -n 20 "$dir/console" >&2
  echo "vm: $release did not come up: $dir/console" >&2
  exit 1
}

copy() {
  inside mkdir -p /root/varve
  git -C "$here" archive HEAD | inside tar -x -C /root/varve
  # What only checks need stays here: an emulated machine takes minutes for a gigabyte.
  [ "$arch" != amd64 ] || tar -C "$(readlink -f "$here/node_modules")" --exclude=./.cache --exclude=./node_modules --exclude='./@biomejs' --exclude='./@ox*' --exclude='./@typescript' -c . |
    inside "mkdir -p /root/varve/node_modules && tar -x -C /root/varve/node_modules"
}

end() {
  pid=$(cat "$dir/pid" 2>/dev/null) || return 0
  inside systemctl poweroff 2>/dev/null || true
  for _ in $(seq 30); do kill -0 "$pid" 2>/dev/null || return 0; sleep 1; done
  kill "$pid"
}

case $what in
  make) make ;;
  boot) boot "$@" ;;
  copy) copy ;;
  in) inside "$@" ;;
  end) end ;;
  *) echo "vm: what is $what?" >&2; exit 2 ;;
esac
