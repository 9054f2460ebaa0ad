/** Layers that grow a thousandfold when they are unpacked, by pull and by FROM: bounded, or refused in one line. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { encodeTarHeader, TAR_END } from "#tar";
import { serveImage, startScriptedRegistry } from "../integration/support/scriptedRegistry.ts";
import type { ScriptedRegistry } from "../integration/support/scriptedRegistry.ts";
import { startDaemon } from "./support/daemon.ts";
import type { TestDaemon } from "./support/daemon.ts";
import { run } from "./support/process.ts";

const MIB = 1 << 20;
const BOMB_MIB = 1024;
const PIECE_MIB = 64;
const GZIP = "application/vnd.oci.image.layer.v1.tar+gzip";

/** A gigabyte of zeros in a megabyte: members of gzip one after the other are one stream. */
function bomb(): { readonly bytes: Buffer; readonly diffId: string } {
  const header = encodeTarHeader({ path: "zeros", type: "file", mode: 0o644, size: BOMB_MIB * MIB });
  const piece = Buffer.alloc(PIECE_MIB * MIB);
  const pieces = BOMB_MIB / PIECE_MIB;
  const hash = createHash("sha256").update(header);
  for (let count = 0; count < pieces; count += 1) hash.update(piece);
  const packed = gzipSync(piece);
  const bytes = Buffer.concat([gzipSync(header), ...Array<Buffer>(pieces).fill(packed), gzipSync(TAR_END)]);
  return { bytes, diffId: `sha256:${hash.update(TAR_END).digest("hex")}` };
}

describe("layer bombs", () => {
  let daemon: TestDaemon;
  let registry: ScriptedRegistry;
  const { bytes, diffId } = bomb();

  const serve = (name: string, told: string): void => {
    serveImage(registry, name, [{ tar: Buffer.alloc(0), bytes, mediaType: GZIP }], (config) => ({
      ...config,
      rootfs: { type: "layers", diff_ids: [told] },
    }));
  };
  const diskBytes = async (): Promise<number> =>
    Number.parseInt((await run("du", ["-s", "--block-size=1", daemon.dataRoot])).stdout, 10);
  const peakKib = (): number =>
    Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${daemon.pid}/status`, "utf8"))?.[1]);

  before(async () => {
    daemon = await startDaemon();
    registry = await startScriptedRegistry();
    serve("zeros:1", diffId);
    serve("zeros:lie", `sha256:${"0".repeat(64)}`);
  });
  after(async () => {
    await daemon[Symbol.asyncDispose]();
    await registry[Symbol.asyncDispose]();
  });

  test("pull, FROM: a gigabyte of zeros takes neither room nor memory", async () => {
    const name = `${registry.address}/zeros:1`;
    const [disk, memory] = [await diskBytes(), peakKib()];
    await daemon.mustDocker(["pull", "-q", name]);
    await daemon.mustVarve(["build", "-q", "-t", "on", "-"], { input: `FROM ${name}\nENV A=1\n` });
    assert.ok((await diskBytes()) - disk < 100 * MIB);
    assert.ok(peakKib() - memory < 300 * 1024, `${peakKib() - memory} KiB`);
    await daemon.mustDocker(["rmi", name, "on"]);
  });

  test("pull, FROM: one that is not what its image says is refused in one line and leaves nothing", async () => {
    const name = `${registry.address}/zeros:lie`;
    const disk = await diskBytes();
    for (const ran of [
      await daemon.docker(["pull", "-q", name]),
      await daemon.varve(["build", "--progress=plain", "-"], {
        input: `FROM ${name}\nCOPY --from=${name} /zeros /z\n`,
      }),
    ]) {
      assert.equal(ran.code, 1, ran.stderr);
      const line = ran.stderr.trimEnd().split("\n").at(-1) ?? "";
      assert.match(line, /sha256:0{64}|diff/i);
      assert.ok(line.length < 1000, line);
    }
    assert.ok((await diskBytes()) - disk < 20 * MIB);
    assert.equal(await daemon.mustDocker(["images", "-aq"]), "");
  });
});
