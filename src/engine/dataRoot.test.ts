import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { ErrorCode, findEngineError, hasCode } from "#errors";
import { openDataRoot } from "./dataRoot.ts";

let folder: string;
let root: string;
let count = 0;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "varve-root-"));
});
beforeEach(() => {
  root = join(folder, `root${(count += 1)}`);
});
after(() => rm(folder, { recursive: true }));

test("openDataRoot: makes the folder, readable by nobody else", async () => {
  await using data = await openDataRoot(root);
  assert.equal((await stat(root)).mode & 0o777, 0o710);
  assert.equal(data.path, root);
  assert.equal(data.uncleanBoot, false);
});

test("openDataRoot: refuses a second daemon and names the first one's pid; free again after its end", async () => {
  {
    await using _first = await openDataRoot(root);
    await assert.rejects(openDataRoot(root), (error: unknown) => {
      assert.ok(hasCode(error, ErrorCode.DAEMON_RUNNING));
      assert.equal(
        (error as Error).message,
        `data root ${root} is in use by another varve daemon (pid ${process.pid})`,
      );
      return findEngineError(error)?.hint !== undefined;
    });
  }
  await using _second = await openDataRoot(root);
});

test("openDataRoot: a daemon that was only killed leaves nothing to verify", async () => {
  {
    await using first = await openDataRoot(root);
    await first.markRunning();
  }
  await using second = await openDataRoot(root);
  assert.equal(second.uncleanBoot, false);
});

test("openDataRoot: after another boot, clean is clean and all else is not", async () => {
  const states = [
    ["other-boot clean\n", false],
    ["other-boot dirty\n", true],
    ["other-boot cle", true],
    ["", true],
    ["\0\0\0\0", true],
  ] as const;
  for (const [text, unclean] of states) {
    {
      await using _made = await openDataRoot(root);
    }
    await writeFile(join(root, "state"), text);
    await using data = await openDataRoot(root);
    assert.equal(data.uncleanBoot, unclean, JSON.stringify(text));
  }
});

test("openDataRoot: a daemon killed while it verifies leaves the verifying to the next", async () => {
  {
    await using _made = await openDataRoot(root);
  }
  await writeFile(join(root, "state"), "other-boot dirty\n");
  {
    await using killed = await openDataRoot(root);
    assert.ok(killed.uncleanBoot);
  }
  {
    await using next = await openDataRoot(root);
    assert.ok(next.uncleanBoot);
    await next.markRunning();
  }
  await using last = await openDataRoot(root);
  assert.equal(last.uncleanBoot, false);
});

test("markClean: is what the next boot reads", async () => {
  await using data = await openDataRoot(root);
  await data.markRunning();
  assert.match(await readFile(join(root, "state"), "utf8"), /^\S+ dirty\n$/);
  await data.markClean();
  assert.match(await readFile(join(root, "state"), "utf8"), /^\S+ clean\n$/);
});
