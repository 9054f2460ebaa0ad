import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";

const ROOT = join(import.meta.dirname, "../../..");

/** What bash would offer at the end of a line; no daemon is asked, because none listens there. */
function bashOffers(line: string): readonly string[] {
  const script = `
    PATH=${ROOT}/bin:$PATH
    source ${import.meta.dirname}/varve.bash
    COMP_LINE="$1" COMP_POINT=\${#1} COMP_WORDS=("" "") COMP_CWORD=1
    _varve
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const env = { ...process.env, VARVE_HOST: "unix:///nope/varve.sock" };
  const { stdout, stderr } = spawnSync("bash", ["-c", script, "bash", line], { encoding: "utf8", env });
  assert.equal(stderr, "");
  return stdout.split("\n").filter((word) => word !== "");
}

test("completion: bash is offered commands, commands of a group, and flags", () => {
  assert.deepEqual(bashOffers("varve im"), ["import", "images", "image"]);
  assert.deepEqual(bashOffers("varve image r"), ["rebase", "rm", "remove"]);
  assert.deepEqual(bashOffers("varve pull --p"), ["--platform"]);
});
