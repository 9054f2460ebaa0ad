import assert from "node:assert/strict";
import { test } from "node:test";
import { refuseNullBytes } from "./checkMount.ts";

test("mounts: a null byte, where the kernel would cut a name, is refused in runc's words", () => {
  const good = { destination: "/t", type: "tmpfs", source: "tmpfs", options: ["nodev", "noexec"] };
  refuseNullBytes([good]);
  assert.throws(() => refuseNullBytes([good, { ...good, destination: "/t\0x" }]), {
    category: "internal",
    message:
      "failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: invalid mount {Destination:/t\0x Type:tmpfs Source:tmpfs Options:[nodev noexec] UIDMappings:[] GIDMappings:[]}: mount field contains null byte: unknown",
  });
});
