import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "node:test";
import type { Session } from "../core/session.ts";
import { allAtOnce, containerPath, oneByOne } from "./forEach.ts";

function printing(): { readonly session: Session; readonly printed: string[] } {
  const printed: string[] = [];
  // Only what is used here.
  const session = { print: (text: string) => void printed.push(text) } as unknown as Session;
  return { session, printed };
}

test("for each: results come in the order of the names, failures together at the end", async () => {
  const { session, printed } = printing();
  const act = async (name: string): Promise<string> => {
    await sleep(name === "slow" ? 20 : 0);
    if (name.startsWith("bad")) throw new Error(`no ${name}`);
    return name;
  };
  await assert.rejects(allAtOnce(session, ["slow", "bad1", "fast", "bad2"], act), /^CommandError: no bad1\nno bad2$/);
  assert.deepEqual(printed, ["slow\n", "fast\n"]);
});

test("for each: one after another does not start the next before the last is done", async () => {
  const { session } = printing();
  let running = 0;
  await oneByOne(session, ["a", "b", "c"], async (name) => {
    running += 1;
    assert.equal(running, 1);
    await sleep(1);
    running -= 1;
    return name;
  });
});

test("container path: encoded, never empty", () => {
  assert.equal(containerPath("a/b", "/json"), "/containers/a%2Fb/json");
  assert.throws(() => containerPath(" "), /invalid container name or ID: value is empty/);
});
