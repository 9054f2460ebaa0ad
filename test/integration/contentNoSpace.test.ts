/** A full disk, for real: a tmpfs of 2 MiB. Needs root. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { it } from "node:test";
import { openContentStore } from "#content";
import { categoryOf, ErrorCode, hasCode, messageOf } from "#errors";
import { openMetadata } from "#metadata";
import { digestOf } from "#oci";
import { temporaryDirectory } from "../contract/temporaryDirectory.ts";

const MIB = 1 << 20;

function noSpace(error: unknown): boolean {
  assert.equal(messageOf(error), "no space left on device");
  return categoryOf(error) === "resource_exhausted" && hasCode(error, ErrorCode.NO_SPACE);
}

async function smallFilesystem(): Promise<AsyncDisposable & { readonly path: string }> {
  const folder = await temporaryDirectory();
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=2m", "varve-test", folder.path]);
  return {
    path: folder.path,
    async [Symbol.asyncDispose](): Promise<void> {
      execFileSync("umount", [folder.path]);
      await folder[Symbol.asyncDispose]();
    },
  };
}

it("content: a full disk is one clear error, nothing half is visible, and it goes on when there is room", async () => {
  await using disk = await smallFilesystem();
  await using store = await openContentStore({ root: join(disk.path, "content") });
  const small = await store.put(randomBytes(MIB));
  await assert.rejects(store.put(randomBytes(MIB + 4096)), noSpace);
  const large = randomBytes(MIB + 65_536);
  {
    await using writer = await store.openIngest("download");
    await assert.rejects(writer.write(large), noSpace);
    assert.ok(writer.offset < large.byteLength);
  }
  assert.deepEqual(await Array.fromAsync(store.list()), [small]);
  await store.remove(small.digest);
  await using writer = await store.openIngest("download");
  await writer.write(large.subarray(writer.offset));
  assert.equal((await writer.commit({ size: large.byteLength })).digest, digestOf(large));
});

it("metadata: a full disk undoes the transaction, and it goes on when there is room", async () => {
  await using disk = await smallFilesystem();
  using metadata = openMetadata(join(disk.path, "varve.db"));
  metadata.settings.put("before", "1");
  const fill = (): void =>
    metadata.transaction(() => {
      for (let row = 0; row < 64; row += 1) metadata.settings.put(`row ${row}`, "x".repeat(65_536));
    });
  assert.throws(fill, noSpace);
  assert.equal(metadata.settings.get("row 0"), undefined);
  assert.equal(metadata.settings.get("before"), "1");
  metadata.settings.put("after", "2");
  assert.equal(metadata.settings.get("after"), "2");
});
