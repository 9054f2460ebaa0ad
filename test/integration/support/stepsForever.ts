/** Opens rooms in a folder, runs steps that do not end by themselves, and says so. To be killed. */
import type { StepMount } from "#containers";
import { openContainerRooms } from "../containerRooms.ts";

const [, , folder = ""] = process.argv;
const rooms = await openContainerRooms([], folder);
const [layer] = rooms.layers.list();
if (layer === undefined) throw new Error("no layer");
const { diffId } = layer;
setInterval(() => undefined, 1000);

const mounts: readonly StepMount[] = [
  { kind: "layers", diffIds: [diffId], path: "/etc", target: "/m", readOnly: false },
  { kind: "layers", diffIds: [diffId], path: "/", target: "/ro", readOnly: true },
  { kind: "directory", directory: folder, path: "/", target: "/d", readOnly: false },
  { kind: "content", bytes: Buffer.from("secret"), target: "/s", mode: 0o400, uid: 0, gid: 0 },
];

let begun = 0;
for (const network of ["default", "none"] as const) {
  void rooms.steps.run({
    diffIds: [diffId],
    mounts,
    isolation: { network, insecure: false, hostname: "h", extraHosts: [] },
    limits: {},
    signal: new AbortController().signal,
    process: {
      arguments: ["/bin/sh", "-c", "echo begun; sleep 1234567"],
      environment: ["PATH=/bin"],
      workingDirectory: "/",
      user: "",
    },
    onOutput: () => {
      begun += 1;
      if (begun === 2) process.stdout.write("begun\n");
    },
  });
}
