import assert from "node:assert/strict";
import { test } from "node:test";
import { listMounts, parseMountInfo } from "./mountInfo.ts";

test("mountInfo: takes a line apart, optional fields and escapes included", () => {
  const [entry] = parseMountInfo(
    "36 35 98:0 /mnt1 /mnt\\0402\\134x rw,noatime shared:1 master:2 - overlay /dev/a\\040b rw,lowerdir=/a\\054b:/c\n",
  );
  assert.deepEqual(entry, {
    id: 36,
    parentId: 35,
    root: "/mnt1",
    target: "/mnt 2\\x",
    options: ["rw", "noatime"],
    propagation: ["shared:1", "master:2"],
    type: "overlay",
    source: "/dev/a b",
    superOptions: ["rw", "lowerdir=/a,b:/c"],
  });
});

test("mountInfo: keeps the order, leaves out what is no mount line", () => {
  const text = "1 0 0:1 / / rw - tmpfs none rw\n\nbroken\n2 1 0:2 / /proc rw - proc proc rw\n";
  assert.deepEqual(
    parseMountInfo(text).map((entry) => entry.target),
    ["/", "/proc"],
  );
});

test("mountInfo: a prefix selects whole path components", async () => {
  const all = await listMounts();
  assert.ok(all.some((entry) => entry.target === "/"));
  assert.ok((await listMounts("/proc")).some((entry) => entry.type === "proc"));
  assert.deepEqual(await listMounts("/pro"), []);
  assert.deepEqual(await listMounts("/"), all);
});
