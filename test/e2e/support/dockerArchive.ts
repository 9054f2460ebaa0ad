import { createHash } from "node:crypto";
import { file, makeTar } from "./rootfs.ts";

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** Layer tars, base first → a docker-archive of one image, as any tool may write it. */
export function dockerArchive(name: string, layers: readonly Uint8Array[]): Buffer {
  const config = Buffer.from(
    JSON.stringify({
      architecture: "amd64",
      os: "linux",
      created: "2026-01-01T00:00:00Z",
      config: { Cmd: ["sh"] },
      rootfs: { type: "layers", diff_ids: layers.map((layer) => `sha256:${sha256(layer)}`) },
      history: layers.map((_, index) => ({ created: "2026-01-01T00:00:00Z", created_by: `layer ${index}` })),
    }),
  );
  const Layers = layers.map((layer) => `${sha256(layer)}.tar`);
  const Config = `${sha256(config)}.json`;
  const bodies = new Map(Layers.map((path, index) => [path, layers[index] ?? Buffer.alloc(0)]));
  return makeTar([
    ...[...bodies].map(([path, body]) => file(path, body)),
    file(Config, config),
    file("manifest.json", JSON.stringify([{ Config, RepoTags: [name], Layers }])),
  ]);
}
