import assert from "node:assert/strict";
import { test } from "node:test";
import { Fields } from "./fields.ts";
import { parseProcessors } from "./processors.ts";

const TWO = { count: 2, online: "0-1", nodes: "0" };

test("processors: what the machine has is taken", () => {
  for (const asked of [{}, { NanoCpus: 2e9 }, { CpusetCpus: "0,1" }, { CpusetCpus: "1-1" }]) {
    const parsed = parseProcessors(new Fields(asked, "HostConfig"), TWO);
    assert.deepEqual(parsed, { NanoCpus: 0, CpusetCpus: "", CpusetMems: "", ...asked });
  }
});

test("processors: what it does not have is refused in Docker's words", () => {
  const range = "Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available";
  const cases: readonly (readonly [object, string])[] = [
    [{ NanoCpus: 2.01e9 }, range],
    [{ NanoCpus: -1 }, range],
    [{ CpusetCpus: "0-2" }, "Requested CPUs are not available - requested 0-2, available: 0-1"],
    [{ CpusetCpus: "99" }, "Requested CPUs are not available - requested 99, available: 0-1"],
    [{ CpusetCpus: "1-0" }, "Invalid value 1-0 for cpuset cpus: invalid format: 1-0"],
    [{ CpusetCpus: "0-99999999" }, "Invalid value 0-99999999 for cpuset cpus: invalid format: 0-99999999"],
    [{ CpusetCpus: "x" }, "Invalid value x for cpuset cpus: invalid format: x"],
    [{ CpusetMems: "1" }, "Requested memory nodes are not available - requested 1, available: 0"],
    [{ CpusetMems: "x" }, "Invalid value x for cpuset mems: invalid format: x"],
  ];
  for (const [asked, message] of cases) {
    assert.throws(() => parseProcessors(new Fields(asked, "HostConfig"), TWO), {
      category: "invalid_argument",
      message,
    });
  }
});
