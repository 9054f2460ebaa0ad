import assert from "node:assert/strict";
import { test } from "node:test";
import { legacyAccepts, legacyWithdrawals } from "./legacyForward.ts";

const DROPS = `-P FORWARD DROP
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-ISOLATION-STAGE-1
-A FORWARD -o docker0 -j DOCKER
-A FORWARD -i br-a -j ACCEPT
`;

test("legacy forward: nothing is done where the policy accepts", () => {
  assert.deepEqual(legacyAccepts("-P FORWARD ACCEPT\n", ["br-a"]), []);
  assert.deepEqual(legacyAccepts("", ["br-a"]), []);
});

test("legacy forward: what is missing comes behind the chains that administrators filter in", () => {
  assert.deepEqual(legacyAccepts(DROPS, ["br-a", "br-b"]), [
    ["-I", "FORWARD", "3", "-o", "br-a", "-j", "ACCEPT"],
    ["-I", "FORWARD", "3", "-i", "br-b", "-j", "ACCEPT"],
    ["-I", "FORWARD", "3", "-o", "br-b", "-j", "ACCEPT"],
  ]);
  assert.deepEqual(legacyAccepts("-P FORWARD DROP\n", ["x"])[0], ["-I", "FORWARD", "1", "-i", "x", "-j", "ACCEPT"]);
});

test("legacy forward: a bridge takes its own rules along, and no others", () => {
  assert.deepEqual(legacyWithdrawals(DROPS, "br-a"), [["-D", "FORWARD", "-i", "br-a", "-j", "ACCEPT"]]);
  assert.deepEqual(legacyWithdrawals(DROPS, "docker0"), []);
});
