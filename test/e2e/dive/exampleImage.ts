import { createHash } from "node:crypto";
import { fromDisplayPath } from "#tar";
import { directory, file, makeTar, symlink } from "../support/rootfs.ts";
import type { Member } from "../support/rootfs.ts";

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

const PASSWD = "root:x:0:0:root:/root:/bin/sh\n";
const whiteout = (path: string): Member => file(path.replace(/([^/]+)$/, ".wh.$1"), "");

const BASE: readonly Member[] = [
  symlink("bin", "usr/bin"),
  directory("etc/"),
  file("etc/hosts", "127.0.0.1\tlocalhost\n::1\tlocalhost\n"),
  file("etc/passwd", PASSWD),
  directory("tmp/", 0o1777),
  directory("usr/"),
  directory("usr/bin/"),
  file("usr/bin/env", Buffer.from("\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0env", "latin1"), 0o755),
  file("usr/bin/su", "#!/bin/sh\nexec sh\n", 0o4755),
  directory("usr/share/"),
  directory("usr/share/doc/"),
  file("usr/share/doc/README", "read me\n".repeat(2000)),
];

const APP: readonly Member[] = [
  directory("app/"),
  directory("app/data/"),
  ...Array.from({ length: 30 }, (_, index) =>
    file(`app/data/part-${String(index).padStart(2, "0")}.bin`, "x".repeat(index * 100)),
  ),
  { ...file("app/main.js", "console.log('hello');\n"), uid: 1000, gid: 1000 },
  { ...file("app/server", "server\n", 0o755), xattrs: new Map([["user.origin", Buffer.from("test")]]) },
  // What a hostile image would call a file: none of it may reach the terminal.
  file("app/\x1b[31mred\x07", "1"),
  file(fromDisplayPath("app/日本語.txt"), "こんにちは\n"),
  directory("etc/"),
  file("etc/passwd", `${PASSWD}app:x:1000:1000::/app:/bin/sh\n`),
];

const CLEANUP: readonly Member[] = [
  directory("app/"),
  file("app/main.js", "console.log('good bye');\n"),
  directory("usr/"),
  directory("usr/share/"),
  whiteout("usr/share/doc"),
];

const COMMANDS = [
  "/bin/sh -c #(nop) ADD file:3a4b in / ",
  "RUN /bin/sh -c apt-get update &&     apt-get install -y app &&     useradd app # buildkit",
  "RUN /bin/sh -c rm -r /usr/share/doc # buildkit",
];

/** An image of three layers as `docker save` writes it: the same bytes each time. */
export function exampleArchive(): Buffer {
  const layers = [BASE, APP, CLEANUP].map(makeTar);
  const config = Buffer.from(
    JSON.stringify({
      architecture: "amd64",
      os: "linux",
      created: "2026-01-01T00:00:00Z",
      config: { Cmd: ["sh"] },
      rootfs: { type: "layers", diff_ids: layers.map((layer) => `sha256:${sha256(layer)}`) },
      history: COMMANDS.map((created_by) => ({ created: "2026-01-01T00:00:00Z", created_by })),
    }),
  );
  const Layers = layers.map((layer) => `${sha256(layer)}.tar`);
  const Config = `${sha256(config)}.json`;
  return makeTar([
    ...Layers.map((path, index) => file(path, layers[index] ?? "")),
    file(Config, config),
    file("manifest.json", JSON.stringify([{ Config, RepoTags: ["example:1"], Layers }])),
  ]);
}
