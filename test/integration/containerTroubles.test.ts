/** Containers are removed whatever became of their monitors, starts and files. */
import assert from "node:assert/strict";
import { readFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setImmediate as begun } from "node:timers/promises";
import { run } from "../e2e/support/process.ts";
import { openContainerRooms } from "./containerRooms.ts";
import type { ContainerRooms } from "./containerRooms.ts";

describe("containers in trouble", () => {
  let rooms: ContainerRooms;
  const bundle = (id: string): string => join(rooms.execRoot, "containers", id);
  const remove = (id: string, force = true): Promise<void> => rooms.containers.remove(id, { force, volumes: false });

  before(async () => {
    rooms = await openContainerRooms();
  });
  after(async () => {
    await rooms[Symbol.asyncDispose]();
  });

  test("forced removal: a monitor that hangs is ended", async () => {
    const id = await rooms.make({ Cmd: ["sleep", "1000"] });
    await rooms.containers.start(id);
    process.kill(Number(readFileSync(join(bundle(id), "conmon.pid"), "utf8")), "SIGSTOP");
    await remove(id);
    await assert.rejects(rooms.containers.inspect(id), { category: "not_found" });
  });

  test("forced removal: a run that cannot be cleared", async () => {
    const id = await rooms.make({ Cmd: ["sleep", "1000"], HostConfig: { RestartPolicy: { Name: "always" } } });
    await rooms.containers.start(id);
    const busy = join(bundle(id), "busy");
    mkdirSync(busy);
    await run("mount", ["-t", "tmpfs", "none", busy]);
    try {
      await rooms.control.kill(id, "HUP");
      await rooms.control.kill(id, "KILL");
      await remove(id);
      await assert.rejects(rooms.containers.inspect(id), { category: "not_found" });
    } finally {
      await run("umount", [busy]);
    }
  });

  test("removal while it starts: refused", async () => {
    const id = await rooms.make({ Cmd: ["sleep", "1000"] });
    const started = rooms.containers.start(id);
    await begun();
    await assert.rejects(remove(id, false), { category: "conflict", message: /container is running: stop/ });
    await started;
    await remove(id);
  });

  test("forced removal while it starts: ended, then removed", async () => {
    const id = await rooms.make({ Cmd: ["sleep", "1000"] });
    const started = rooms.containers.start(id);
    await begun();
    await remove(id);
    await started;
    await assert.rejects(rooms.containers.inspect(id), { category: "not_found" });
  });

  test("creation without an image: what is missing is the command", async () => {
    await assert.rejects(rooms.containers.create({ Image: "" }), {
      category: "invalid_argument",
      message: "no command specified",
    });
  });
});
