import assert from "node:assert/strict";
import { test } from "node:test";
import { forVersion, rowForVersion } from "./containerVersions.ts";

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
  assert.deepEqual(forVersion(body, 1045), body);
});

test("inspect and lists: endpoints have a priority since 1.48", () => {
  const withPriority = { NetworkSettings: { Networks: { mine: { MacAddress: "", GwPriority: 0 } } } };
  const without = { NetworkSettings: { Networks: { mine: { MacAddress: "" } } } };
  for (const adapt of [forVersion, rowForVersion]) {
    assert.equal(adapt(withPriority, 1048), withPriority);
    assert.deepEqual(adapt(withPriority, 1047), without);
  }
});
