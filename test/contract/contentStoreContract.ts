/** What every content store must do; run by `contentStore.test.ts` with a way to open one. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { appendFile, readFile, readdir, stat, truncate, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { ContentStore } from "#content";
import { categoryOf, ErrorCode, hasCode } from "#errors";
import { digestOf, hexOf, parseDigest } from "#oci";
import { temporaryDirectory } from "./temporaryDirectory.ts";

type Open = (root: string) => Promise<ContentStore>;

const MIB = 1 << 20;
const refusedAs = (category: string, code: string) => (error: unknown) =>
  categoryOf(error) === category && hasCode(error, code);
const MISMATCH = refusedAs("data_loss", ErrorCode.DIGEST_MISMATCH);
const NOT_FOUND = refusedAs("not_found", ErrorCode.BLOB_NOT_FOUND);

async function blobsOf(store: ContentStore): Promise<readonly string[]> {
  return (await Array.fromAsync(store.list())).map((info) => info.digest).sort();
}

async function ingest(store: ContentStore, ref: string, ...chunks: readonly Uint8Array[]): Promise<void> {
  await using writer = await store.openIngest(ref);
  for (const chunk of chunks) await writer.write(chunk);
}

export function contentStoreContract(name: string, open: Open): void {
  const withStore =
    (body: (store: ContentStore, root: string) => Promise<void>): (() => Promise<void>) =>
    async () => {
      await using folder = await temporaryDirectory();
      await using store = await open(folder.path);
      await body(store, folder.path);
    };

  describe(`${name}: reading`, () => {
    it(
      "layout: is an OCI image layout when new",
      withStore(async (_store, root) => {
        assert.deepEqual(JSON.parse(await readFile(join(root, "oci-layout"), "utf8")), { imageLayoutVersion: "1.0.0" });
        assert.deepEqual(JSON.parse(await readFile(join(root, "index.json"), "utf8")), {
          schemaVersion: 2,
          manifests: [],
        });
      }),
    );

    it(
      "put: gives back the same bytes by every way of reading",
      withStore(async (store, root) => {
        const bytes = randomBytes(3 * MIB + 5);
        const info = await store.put(bytes, digestOf(bytes));
        assert.deepEqual(info, { digest: digestOf(bytes), size: bytes.byteLength });
        assert.deepEqual(await store.info(info.digest), info);
        assert.deepEqual(Buffer.from(await store.read(info.digest)), bytes);
        const chunks = await Array.fromAsync(store.stream(info.digest));
        assert.ok(chunks.every((chunk) => chunk.byteLength <= MIB));
        assert.deepEqual(Buffer.concat(chunks), bytes);
        assert.deepEqual(
          Buffer.concat(await Array.fromAsync(store.stream(info.digest, { offset: 7 }))),
          bytes.subarray(7),
        );
        assert.equal(await store.path(info.digest), join(root, "blobs", "sha256", hexOf(info.digest)));
        assert.deepEqual(await readFile(await store.path(info.digest)), bytes);
      }),
    );

    it(
      "put: is idempotent, also for no bytes at all",
      withStore(async (store) => {
        for (const bytes of [Buffer.from("twice"), Buffer.alloc(0)]) {
          assert.deepEqual(await store.put(bytes), await store.put(bytes));
        }
        assert.equal((await blobsOf(store)).length, 2);
      }),
    );

    it(
      "put: stores nothing when the digest differs",
      withStore(async (store, root) => {
        await assert.rejects(store.put(Buffer.from("a"), digestOf("b")), MISMATCH);
        assert.deepEqual(await blobsOf(store), []);
        assert.deepEqual(await readdir(join(root, "ingest")), []);
      }),
    );

    it(
      "put: understands sha512",
      withStore(async (store) => {
        const digest = parseDigest(`sha512:${createHash("sha512").update("x").digest("hex")}`);
        assert.equal((await store.put(Buffer.from("x"), digest)).digest, digest);
        assert.equal(Buffer.from(await store.read(digest)).toString(), "x");
        assert.deepEqual(await blobsOf(store), [digest]);
      }),
    );

    it(
      "read: refuses more than 8 MiB, or than it was allowed",
      withStore(async (store) => {
        const large = await store.put(Buffer.alloc(8 * MIB + 1));
        const tooLarge = refusedAs("resource_exhausted", ErrorCode.BLOB_TOO_LARGE);
        await assert.rejects(store.read(large.digest), tooLarge);
        assert.equal((await store.read(large.digest, large.size)).byteLength, large.size);
        await assert.rejects(store.read((await store.put(Buffer.from("abc"))).digest, 2), tooLarge);
      }),
    );

    it(
      "read, stream, path: not found when the blob is not here",
      withStore(async (store) => {
        const digest = digestOf("nowhere");
        assert.equal(await store.info(digest), undefined);
        await assert.rejects(store.read(digest), NOT_FOUND);
        await assert.rejects(store.path(digest), NOT_FOUND);
        await assert.rejects(Array.fromAsync(store.stream(digest)), NOT_FOUND);
      }),
    );

    it(
      "stream: stops when its signal aborts",
      withStore(async (store) => {
        const { digest } = await store.put(Buffer.alloc(2 * MIB));
        const controller = new AbortController();
        const iterator = store.stream(digest, { signal: controller.signal })[Symbol.asyncIterator]();
        await iterator.next();
        controller.abort();
        await assert.rejects(iterator.next(), refusedAs("cancelled", ErrorCode.CANCELLED));
      }),
    );

    it(
      "read: refuses a truncated file, and a put of it mends it",
      withStore(async (store) => {
        const bytes = Buffer.from("whole");
        const { digest } = await store.put(bytes);
        await truncate(await store.path(digest), 2);
        await assert.rejects(store.read(digest), MISMATCH);
        await store.put(bytes);
        assert.deepEqual(Buffer.from(await store.read(digest)), bytes);
      }),
    );

    it(
      "list: passes over foreign files and leaves them",
      withStore(async (store, root) => {
        const { digest } = await store.put(Buffer.from("ours"));
        const foreign = ["README", "A".repeat(64), "f".repeat(63)].map((file) => join(root, "blobs", "sha256", file));
        for (const file of foreign) await writeFile(file, "theirs");
        assert.deepEqual(await blobsOf(store), [digest]);
        for (const file of foreign) assert.equal(await readFile(file, "utf8"), "theirs");
      }),
    );
  });

  describe(`${name}: ingests`, () => {
    const bytes = randomBytes(2 * MIB);
    const [first, second] = [bytes.subarray(0, MIB), bytes.subarray(MIB)];
    const digest = digestOf(bytes);

    it(
      "commit: makes the blob visible and ends the ingest",
      withStore(async (store, root) => {
        await using writer = await store.openIngest("download");
        await writer.write(first);
        assert.equal(await store.info(digest), undefined);
        await writer.write(second);
        assert.deepEqual(await writer.commit({ digest, size: bytes.byteLength }), { digest, size: bytes.byteLength });
        assert.deepEqual(Buffer.from(await store.read(digest)), bytes);
        assert.deepEqual(await readdir(join(root, "ingest")), []);
        await assert.rejects(writer.write(first), /after its end/);
      }),
    );

    it(
      "openIngest: goes on where the last writer stopped, also in a new process",
      withStore(async (store, root) => {
        await ingest(store, "download", first);
        await using again = await open(root);
        await using writer = await again.openIngest("download");
        assert.equal(writer.offset, first.byteLength);
        await writer.write(second);
        assert.equal((await writer.commit({ digest })).digest, digest);
      }),
    );

    it(
      "openIngest: keeps refs apart, whatever their letters",
      withStore(async (store) => {
        for (const ref of ["a/b", "../a", "a\nb", "é"]) await ingest(store, ref, Buffer.from(ref));
        const bytesByRef = new Map((await store.listIngests()).map(({ ref, bytes }) => [ref, bytes]));
        assert.deepEqual(
          bytesByRef,
          new Map([
            ["a/b", 3],
            ["../a", 4],
            ["a\nb", 3],
            ["é", 2],
          ]),
        );
      }),
    );

    it(
      "truncate: starts again at 0",
      withStore(async (store) => {
        await using writer = await store.openIngest("download");
        await writer.write(Buffer.from("wrong prefix"));
        await writer.truncate();
        assert.equal(writer.offset, 0);
        await writer.write(first);
        await writer.write(second);
        assert.equal((await writer.commit({ digest, size: bytes.byteLength })).digest, digest);
      }),
    );

    it(
      "commit: removes the ingest when digest or size differ",
      withStore(async (store) => {
        const sizeMismatch = refusedAs("data_loss", ErrorCode.SIZE_MISMATCH);
        for (const [expected, refusal] of [
          [{ digest: digestOf("other") }, MISMATCH],
          [{ digest, size: 1 }, sizeMismatch],
        ] as const) {
          await using writer = await store.openIngest("download");
          await writer.write(first);
          await assert.rejects(writer.commit(expected), refusal);
          assert.deepEqual(await store.listIngests(), []);
        }
        assert.deepEqual(await blobsOf(store), []);
        await using fresh = await store.openIngest("download");
        assert.equal(fresh.offset, 0);
      }),
    );

    it(
      "commit: succeeds when the blob is here already",
      withStore(async (store, root) => {
        await store.put(bytes);
        const before = await stat(await store.path(digest));
        await ingest(store, "again", bytes);
        await using writer = await store.openIngest("again");
        assert.equal((await writer.commit({ digest })).digest, digest);
        assert.equal((await stat(await store.path(digest))).ino, before.ino);
        assert.deepEqual(await readdir(join(root, "ingest")), []);
      }),
    );

    it(
      "commit: takes the caller's hash only for the algorithm that is asked for",
      withStore(async (store) => {
        await ingest(store, "trusted", first);
        await using trusted = await store.openIngest("trusted");
        assert.equal((await trusted.commit({ digest, verified: digest })).digest, digest);
        await ingest(store, "other", Buffer.from("x"));
        await using other = await store.openIngest("other");
        const sha512 = parseDigest(`sha512:${createHash("sha512").update("x").digest("hex")}`);
        assert.equal((await other.commit({ digest: sha512, verified: digestOf("x") })).digest, sha512);
      }),
    );

    it(
      "commit: counts what another thread appended to the file",
      withStore(async (store) => {
        await using writer = await store.openIngest("download");
        await writer.write(first);
        await appendFile(writer.path, second);
        assert.deepEqual(await writer.commit({ digest }), { digest, size: bytes.byteLength });
      }),
    );

    it(
      "openIngest: refuses a second writer until the first ends",
      withStore(async (store) => {
        const busy = refusedAs("unavailable", ErrorCode.INGEST_BUSY);
        const writer = await store.openIngest("download");
        await assert.rejects(store.openIngest("download"), busy);
        await assert.rejects(store.removeIngest("download"), busy);
        await writer[Symbol.asyncDispose]();
        const next = await store.openIngest("download");
        await next.abort();
        await next.abort();
        await using last = await store.openIngest("download");
        assert.equal(last.offset, 0);
      }),
    );

    it(
      "abort, removeIngest: leave nothing",
      withStore(async (store, root) => {
        await using writer = await store.openIngest("one");
        await writer.write(first);
        await writer.abort();
        await ingest(store, "two", first);
        await store.removeIngest("two");
        await store.removeIngest("two");
        assert.deepEqual(await readdir(join(root, "ingest")), []);
      }),
    );

    it(
      "open: sweeps old strays of a crash, keeps young ones and ingests",
      withStore(async (store, root) => {
        await ingest(store, "download", first);
        const [old, young] = ["put-old", "put-young"].map((file) => join(root, "ingest", file));
        assert.ok(old !== undefined && young !== undefined);
        await writeFile(old, "half");
        await writeFile(young, "half");
        await utimes(old, 1, 1);
        await using again = await open(root);
        assert.equal((await again.listIngests()).length, 1);
        assert.deepEqual(
          (await readdir(join(root, "ingest"))).filter((file) => file.startsWith("put-")),
          ["put-young"],
        );
      }),
    );
  });

  describe(`${name}: removal and durability`, () => {
    it(
      "remove: hides the blob at once, frees it, and is idempotent",
      withStore(async (store, root) => {
        const { digest } = await store.put(Buffer.from("gone"));
        const removal = store.remove(digest);
        assert.equal(await store.info(digest), undefined);
        await assert.rejects(store.read(digest), NOT_FOUND);
        await removal;
        await store.remove(digest);
        await store[Symbol.asyncDispose]();
        assert.deepEqual(await readdir(join(root, "trash")), []);
      }),
    );

    it(
      "remove: does not take what is stored anew meanwhile",
      withStore(async (store) => {
        const bytes = Buffer.from("back");
        const { digest } = await store.put(bytes);
        const removal = store.remove(digest);
        await Promise.all([removal, store.put(bytes)]);
        assert.deepEqual(Buffer.from(await store.read(digest)), bytes);
      }),
    );

    it(
      "markSynced: is remembered by the next process",
      withStore(async (store, root) => {
        const [one, two] = [await store.put(Buffer.from("one")), await store.put(Buffer.from("two"))];
        const names = (blobs: readonly { readonly digest: string }[]): string[] =>
          blobs.map((blob) => blob.digest).sort();
        const unsynced = await store.unsynced();
        assert.deepEqual(names(unsynced), names([one, two]));
        await store.markSynced(unsynced.filter((blob) => blob.digest === one.digest));
        assert.deepEqual(names(await store.unsynced()), [two.digest]);
        await using again = await open(root);
        assert.deepEqual(names(await again.unsynced()), [two.digest]);
      }),
    );

    it(
      "markSynced: passes over a blob that was removed or stored anew since",
      withStore(async (store) => {
        const bytes = Buffer.from("again");
        const { digest } = await store.put(bytes);
        await store.put(Buffer.from("gone"));
        const before = await store.unsynced();
        await store.remove(digestOf("gone"));
        await store.remove(digest);
        await store.put(bytes);
        await store.markSynced(before);
        assert.deepEqual(
          (await store.unsynced()).map((blob) => blob.digest),
          [digest],
        );
      }),
    );

    it(
      "verifyUnsynced: keeps the whole, drops the damaged and every ingest",
      withStore(async (store, root) => {
        const whole = await store.put(Buffer.from("whole"));
        const damaged = await store.put(randomBytes(3 * MIB));
        const emptied = await store.put(Buffer.from("emptied"));
        await writeFile(join(root, "blobs", "sha256", hexOf(damaged.digest)), Buffer.alloc(3 * MIB));
        await truncate(await store.path(emptied.digest), 0);
        await ingest(store, "download", Buffer.from("half"));
        await using again = await open(root);
        const report = await again.verifyUnsynced();
        assert.deepEqual(report.kept, 1);
        assert.deepEqual([...report.dropped].sort(), [damaged.digest, emptied.digest].sort());
        assert.deepEqual(report.droppedIngests, ["download"]);
        assert.deepEqual(await blobsOf(again), [whole.digest]);
      }),
    );

    it(
      "verifyUnsynced: does not read again what was synced",
      withStore(async (store) => {
        const { digest } = await store.put(Buffer.from("synced"));
        await store.markSynced(await store.unsynced());
        await truncate(await store.path(digest), 1);
        assert.deepEqual(await store.verifyUnsynced(), { kept: 0, dropped: [], droppedIngests: [] });
      }),
    );
  });
}
