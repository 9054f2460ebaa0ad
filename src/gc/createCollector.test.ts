import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setImmediate as nextRound } from "node:timers/promises";
import { openContentStore } from "#content";
import { openMetadata, takeLease } from "#metadata";
import { digestOf, parseDiffId } from "#oci";
import type { DiffId } from "#oci";
import { createCollector } from "./createCollector.ts";

test("collector: what is leased while it sweeps stays", async () => {
  const folder = mkdtempSync(join(tmpdir(), "varve-gc-"));
  try {
    using metadata = openMetadata(join(folder, "varve.db"));
    const content = await openContentStore({ root: join(folder, "content") });
    const [first, second] = ["first", "second"].map((text) => parseDiffId(digestOf(text)));
    assert.ok(first !== undefined && second !== undefined);
    using lease = takeLease(metadata, "build");
    const removed: DiffId[] = [];
    const layers = {
      list: () => [first, second].map((diffId) => ({ diffId, fileBytes: 1 })),
      remove: async (diffId: DiffId) => {
        removed.push(diffId);
        await nextRound();
        lease.layer(second);
      },
    };
    const snapshots = { list: () => [], remove: () => Promise.resolve() };
    await using collector = createCollector({ metadata, content, layers, snapshots, log: { warn: assert.fail } });
    await collector.collect();
    assert.deepEqual(removed, [first]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
