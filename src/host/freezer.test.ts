import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { freezeCgroup } from "./freezer.ts";

test("freezer: v1 writes the state that it reads back", async () => {
  const root = await mkdtemp(join(tmpdir(), "varve-freezer-"));
  try {
    await mkdir(join(root, "freezer/varve/x"), { recursive: true });
    const state = join(root, "freezer/varve/x/freezer.state");
    await writeFile(state, "THAWED\n");
    await freezeCgroup("/varve/x", true, root);
    assert.equal(await readFile(state, "utf8"), "FROZEN\n");
    await freezeCgroup("/varve/x", false, root);
    assert.equal((await readFile(state, "utf8")).trim(), "THAWED");
    await assert.rejects(freezeCgroup("/varve/none", true, root), { category: "not_found" });
  } finally {
    await rm(root, { recursive: true });
  }
});

test("freezer: v2 waits for the event", async () => {
  const root = await mkdtemp(join(tmpdir(), "varve-freezer-"));
  try {
    await mkdir(join(root, "varve/x"), { recursive: true });
    await writeFile(join(root, "varve/x/cgroup.freeze"), "0\n");
    await writeFile(join(root, "varve/x/cgroup.events"), "populated 1\nfrozen 0\n");
    const frozen = freezeCgroup("/varve/x", true, root);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal((await readFile(join(root, "varve/x/cgroup.freeze"), "utf8")).trim(), "1");
    await writeFile(join(root, "varve/x/cgroup.events"), "populated 1\nfrozen 1\n");
    await frozen;
  } finally {
    await rm(root, { recursive: true });
  }
});
