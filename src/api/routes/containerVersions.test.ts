import assert from "node:assert/strict";
import { test } from "node:test";
import { forVersion } from "./containerVersions.ts";

const Id = "0123456789abcdef";
const body = {
  Id,
  NetworkSettings: {
    Ports: {},
    Networks: { bridge: { Aliases: null }, mine: { Aliases: ["al"] }, other: { Aliases: null } },
  },
};

test("inspect: clients before 1.45 find the short id among the aliases of networks that have names", () => {
  assert.deepEqual(forVersion(body, 1044), {
    Id,
    NetworkSettings: {
      Ports: {},
      Networks: {
        bridge: { Aliases: null },
        mine: { Aliases: ["al", "0123456789ab"] },
        other: { Aliases: ["0123456789ab"] },
      },
    },
  });
});

test("inspect: later ones do not", () => {
  assert.equal(forVersion(body, 1045), body);
});
