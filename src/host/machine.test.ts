import assert from "node:assert/strict";
import { release } from "node:os";
import { test } from "node:test";
import { bootId, hasFilesystem, hasModule, parseOsRelease, readMachine } from "./machine.ts";

test("machine: os-release is read with and without quotes", () => {
  const keys = parseOsRelease(
    `# comment\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID='12'\nODD="a \\"b\\" \\$c"\nEMPTY=\nnot a line\n`,
  );
  assert.deepEqual(Object.fromEntries(keys), {
    PRETTY_NAME: "Debian GNU/Linux 12 (bookworm)",
    ID: "debian",
    VERSION_ID: "12",
    ODD: `a "b" $c`,
    EMPTY: "",
  });
});

test("machine: facts of this host are there", async () => {
  const machine = await readMachine();
  assert.ok(machine.memoryBytes > 0 && machine.cpus > 0 && machine.operatingSystem !== "");
  assert.match(await bootId(), /^[0-9a-f-]{36}$/);
});

test("machine: knows the filesystems of the kernel by their whole name", async () => {
  assert.ok(await hasFilesystem("proc"));
  assert.ok(!(await hasFilesystem("pro")));
  assert.ok(!(await hasFilesystem("nodev")));
});

test("machine: a module that no kernel has is absent", async () => {
  assert.ok(!(await hasModule("no_such_module", release())));
  assert.ok(!(await hasModule("overlay", "0.0.0-none")));
});
