import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { GracePeriods, hurryGracePeriods } from "./gracePeriods.ts";
import type { HurryFiles } from "./gracePeriods.ts";
import { processStartTime } from "./processes.ts";

const state = (): string => {
  try {
    return readFileSync("/sys/kernel/rcu_expedited", "latin1").trim();
  } catch {
    return "none"; // another kernel: nothing may be thrown either
  }
};

function filesOf(context: TestContext, turn: string, mark?: string): HurryFiles {
  const folder = mkdtempSync(join(tmpdir(), "varve-hurry-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const files = { turn: join(folder, "switch"), mark: join(folder, "mark"), quiet: [] };
  writeFileSync(files.turn, turn);
  if (mark !== undefined) writeFileSync(files.mark, mark);
  return files;
}

const turnOf = ({ turn }: HurryFiles): string => readFileSync(turn, "latin1").trim();

test("grace periods: the switch is as it was when nobody is in a hurry any more", async () => {
  const before = state();
  {
    using _ = hurryGracePeriods();
    using __ = hurryGracePeriods();
  }
  // Daemons beside this test turn it for moments, too.
  for (let attempt = 0; state() !== before; attempt += 1) {
    assert.ok(attempt < 100, state());
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
});

test("grace periods: on while somebody is in a hurry, and ours is the mark", (context) => {
  const files = filesOf(context, "0\n");
  const periods = new GracePeriods(files);
  {
    using _ = periods.hurry();
    {
      using __ = periods.hurry();
    }
    assert.equal(turnOf(files), "1");
    assert.equal(readFileSync(files.mark, "latin1"), `${process.pid} ${processStartTime(process.pid)}\n`);
  }
  assert.equal(turnOf(files), "0");
});

test("grace periods: what one that was killed left on is turned back", (context) => {
  const { pid } = spawnSync("true");
  const files = filesOf(context, "1\n", `${pid} 1\n`);
  const periods = new GracePeriods(files);
  {
    using _ = periods.hurry();
    assert.equal(turnOf(files), "1");
  }
  assert.equal(turnOf(files), "0");
});

test("grace periods: the host's own setting stays, and that of a process of ours that lives", (context) => {
  for (const mark of [undefined, `${process.pid} ${processStartTime(process.pid)}\n`]) {
    const files = filesOf(context, "1\n", mark);
    {
      using _ = new GracePeriods(files).hurry();
    }
    assert.equal(turnOf(files), "1");
  }
});

test("grace periods: no hurry where processors are to be left alone", (context) => {
  const files = filesOf(context, "0\n", "2-3\n");
  {
    using _ = new GracePeriods({ ...files, quiet: [files.mark] }).hurry();
    assert.equal(turnOf(files), "0");
  }
});
