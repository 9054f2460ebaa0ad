import { readFile } from "node:fs/promises";
import { encodeTarHeader, TAR_END, tarPadding } from "#tar";
import type { TarHeader } from "#tar";

const BUSYBOX = "/bin/busybox";
const APPLETS = [
  "sh",
  "cat",
  "echo",
  "true",
  "false",
  "sleep",
  "id",
  "env",
  "pwd",
  "ls",
  "kill",
  "sync",
  "dd",
  "seq",
  "head",
  "stat",
  "touch",
  "mkdir",
  "rm",
  "grep",
  "wc",
  "test",
];

/** A member of a tar that a test makes; a body makes it a file. */
export type Member = Omit<TarHeader, "size"> & { readonly body?: Uint8Array | string };

/** Members → one tar. */
export function makeTar(members: readonly Member[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const { body, ...header } of members) {
    const bytes = Buffer.from(body ?? "");
    parts.push(
      encodeTarHeader({ mtimeSeconds: 1_700_000_000, ...header, size: bytes.byteLength }),
      bytes,
      tarPadding(bytes.byteLength),
    );
  }
  return Buffer.concat([...parts, TAR_END]);
}

export const directory = (path: string, mode = 0o755): Member => ({ path, type: "directory", mode });
export const file = (path: string, body: Uint8Array | string, mode = 0o644): Member => ({
  path,
  type: "file",
  mode,
  body,
});
export const symlink = (path: string, linkPath: string): Member => ({ path, type: "symlink", mode: 0o777, linkPath });

/** A root filesystem that can run: Debian's static busybox with its usual names, and passwd and group. */
export async function busyboxRootfs(extra: readonly Member[] = []): Promise<Buffer> {
  return makeTar([
    directory("./"),
    directory("bin/"),
    file("bin/busybox", await readFile(BUSYBOX), 0o755),
    ...APPLETS.map((name) => symlink(`bin/${name}`, "busybox")),
    ...["dev/", "etc/", "proc/", "sys/", "root/"].map((path) => directory(path)),
    directory("tmp/", 0o1777),
    file("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nweb:x:33:33:web:/var/www:/bin/sh\n"),
    file("etc/group", "root:x:0:\nweb:x:33:\nextra:x:44:web\n"),
    file("etc/os-release", 'PRETTY_NAME="busybox test image"\n'),
    ...extra,
  ]);
}

/** Bytes that do not compress, the same for the same seed. */
export function noise(bytes: number, seed = 1): Buffer {
  const out = Buffer.allocUnsafe(bytes);
  let state = seed * 2_654_435_761;
  for (let offset = 0; offset + 4 <= bytes; offset += 4) {
    state = (Math.imul(state ^ (state >>> 15), 2_246_822_519) + 0x9e37_79b9) | 0;
    out.writeInt32LE(state, offset);
  }
  return out;
}
