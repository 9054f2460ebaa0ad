import assert from "node:assert/strict";
import { test } from "node:test";
import { diffText } from "./diffText.ts";

const FILE = { type: "file", mode: "0644", uid: 0, gid: 0, size: 10 };

test("diffText: parts that were asked for, each thing on its line", () => {
  const reply = {
    before: { name: "a:1", imageId: "", layers: 1 },
    after: { name: "a:2", imageId: "", layers: 2, step: 3 },
    sharedLayers: 1,
    size: [
      { path: "/", before: 1000, after: 3000 },
      { path: "/etc", before: 5, after: 5 },
      { path: "/usr", before: 10, after: 0 },
    ],
    config: [
      { field: "Env", key: "A", before: "1", after: "2" },
      { field: "ExposedPorts", key: "80/tcp", before: undefined, after: "" },
      { field: "User", key: undefined, before: "web", after: undefined },
    ],
    packages: [
      { kind: "added" as const, manager: "apk", name: "curl", after: "8.1" },
      { kind: "downgraded" as const, manager: "dpkg", name: "libc6", before: "2.37", after: "2.36" },
    ],
    files: [
      { kind: "added" as const, path: "/new\nline", changes: [], after: FILE },
      {
        kind: "changed" as const,
        path: "/a",
        changes: ["content" as const],
        before: FILE,
        after: { ...FILE, size: 30 },
      },
      {
        kind: "changed" as const,
        path: "/b",
        changes: ["mode" as const],
        before: FILE,
        after: { ...FILE, mode: "4755" },
      },
    ],
    notes: ["/x is not read"],
  };
  const head = `- a:1 (1 layer)
+ a:2@3 (2 layers)
1 layer in common
size:
  all  1kB → 3kB  (+2kB)
  /usr  10B → 0B  (-10B)
config:
  ~ Env A: 1 → 2
  + ExposedPorts 80/tcp
  - User=web
packages:
  + curl 8.1 (apk)
  ~ libc6 2.37 → 2.36 (dpkg)  (downgraded)
files:
`;
  assert.equal(
    diffText(reply, true),
    `${head}  + /new\\nline  10B
  ~ /a  content  +20B
  ~ /b  mode  (-rw-r--r-- 0/0 10B → -rwsr-xr-x 0/0 10B)
note: /x is not read
`,
  );
  assert.ok(diffText(reply, false).startsWith(`${head}  1 added, 0 removed, 2 changed; --files lists them\n`));
  const { size: _size, config: _config, packages: _packages, ...filesOnly } = reply;
  assert.ok(diffText({ ...filesOnly, files: [] }, true).includes("in common\nfiles:\n  no difference\n"));
});
