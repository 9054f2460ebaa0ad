/** Pause, restart, restart policies, rename, update, prune and health, on real containers. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openContainerRooms } from "./containerRooms.ts";
import type { ContainerRooms } from "./containerRooms.ts";

const SLEEPER = { Cmd: ["sleep", "1000"] };

describe("control of containers", () => {
  let rooms: ContainerRooms;
  const state = async (id: string): Promise<Readonly<Record<string, unknown>>> =>
    Object((await rooms.containers.inspect(id))["State"]);
  const status = async (id: string): Promise<unknown> => (await state(id))["Status"];
  /** A bounded wait: what is awaited has no event of its own. */
  const until = async (what: string, is: () => Promise<boolean>): Promise<void> => {
    for (let attempt = 0; attempt < 400; attempt += 1) {
      if (await is()) return;
      await sleep(25);
    }
    assert.fail(`in vain: ${what}`);
  };
  const restarts = async (id: string): Promise<number> => Number((await rooms.containers.inspect(id))["RestartCount"]);
  const remove = (id: string): Promise<void> => rooms.containers.remove(id, { force: true, volumes: false });

  before(async () => {
    rooms = await openContainerRooms();
  });
  after(async () => {
    await rooms[Symbol.asyncDispose]();
  });

  test("pause: nothing runs until unpause; states are refused in Docker's words", async () => {
    const id = await rooms.make(SLEEPER);
    await assert.rejects(rooms.control.pause(id), { category: "conflict", message: `container ${id} is not running` });
    await rooms.containers.start(id);
    await rooms.control.pause(id);
    assert.equal(await status(id), "paused");
    await assert.rejects(rooms.control.pause(id), { message: `Container ${id} is already paused` });
    await assert.rejects(rooms.containers.start(id), { message: /cannot start a paused container, try unpause/ });
    await assert.rejects(rooms.containers.remove(id, { force: false, volumes: false }), { category: "conflict" });
    await rooms.control.unpause(id);
    await assert.rejects(rooms.control.unpause(id), { message: `Container ${id} is not paused` });
    await rooms.control.pause(id);
    await rooms.control.kill(id, "KILL");
    assert.equal(await status(id), "exited", "SIGKILL is waited for, as dockerd does");
    assert.equal((await state(id))["ExitCode"], 137);
    await rooms.containers.start(id);
    await rooms.control.pause(id);
    await remove(id);
  });

  test("stop of a paused container: it hears the signal", async () => {
    const id = await rooms.make({ Cmd: ["sh", "-c", "trap 'exit 5' TERM; while :; do sleep 0.1; done"] });
    await rooms.containers.start(id);
    await sleep(200);
    await rooms.control.pause(id);
    await rooms.control.stop(id, { timeoutSeconds: 20 });
    assert.equal((await state(id))["ExitCode"], 5);
    await remove(id);
  });

  test("restart: a new process; of a stopped one a start; --rm does not remove it on the way", async () => {
    const id = await rooms.make({ ...SLEEPER, HostConfig: { AutoRemove: true } });
    await rooms.containers.start(id);
    const first = (await state(id))["Pid"];
    await rooms.control.restart(id, { timeoutSeconds: 0 });
    assert.notEqual((await state(id))["Pid"], first);
    assert.equal(await status(id), "running");
    const removed = rooms.containers.wait(id, "removed");
    await rooms.control.kill(id, "KILL");
    await removed;
  });

  test("restart policy: on-failure stops after its count", async () => {
    const RestartPolicy = { Name: "on-failure", MaximumRetryCount: 2 };
    const id = await rooms.make({ Cmd: ["sh", "-c", "exit 3"], HostConfig: { RestartPolicy } });
    await rooms.containers.start(id);
    await until("exited", async () => (await status(id)) === "exited" && (await restarts(id)) === 2);
    assert.equal((await state(id))["ExitCode"], 3);
    const seen = rooms.events
      .filter(({ action }) => action === "die" || action === "start")
      .map(({ action }) => action);
    assert.deepEqual(seen.slice(-6), ["start", "die", "start", "die", "start", "die"]);
    await remove(id);
  });

  test("restart policy: stop and remove end it, also between two runs", async () => {
    const HostConfig = { RestartPolicy: { Name: "always" } };
    const id = await rooms.make({ Cmd: ["sh", "-c", "exit 0"], HostConfig });
    await rooms.containers.start(id);
    await until("back-off", async () => (await restarts(id)) >= 3 && (await status(id)) === "restarting");
    await rooms.control.stop(id);
    assert.equal(await status(id), "exited");
    const count = await restarts(id);
    await sleep(1500);
    assert.equal(await restarts(id), count);
    await rooms.containers.start(id);
    await until("restarting again", async () => (await status(id)) === "restarting");
    await remove(id);
    await assert.rejects(rooms.containers.inspect(id), { category: "not_found" });
  });

  test("restart policy: after the daemon, always and unless-stopped come back; what a person stopped stays with the latter", async () => {
    const make = (Name: string): Promise<string> => rooms.make({ ...SLEEPER, HostConfig: { RestartPolicy: { Name } } });
    const [always, unless, stopped] = [
      await make("always"),
      await make("unless-stopped"),
      await make("unless-stopped"),
    ];
    for (const id of [always, unless, stopped]) await rooms.containers.start(id);
    await rooms.control.stop(stopped, { timeoutSeconds: 0 });
    const pids = [await state(always), await state(unless)].map((each) => Number(each["Pid"]));
    const restarted = rooms.restart(async () => {
      for (const pid of pids) process.kill(pid, "SIGKILL");
      await sleep(300);
    });
    await restarted;
    for (const id of [always, unless]) await until("running", async () => (await status(id)) === "running");
    assert.equal(await status(stopped), "exited");
    for (const id of [always, unless, stopped]) await remove(id);
  });

  test("rename: the new name finds it, the old one is free", async () => {
    const id = await rooms.make(SLEEPER, "old-name");
    const other = await rooms.make(SLEEPER, "other-name");
    await assert.rejects(rooms.control.rename(id, "old-name"), {
      message: "Renaming a container with the same name as its current name",
    });
    await assert.rejects(rooms.control.rename(id, "other-name"), { message: /Conflict\. The container name/ });
    await assert.rejects(rooms.control.rename(id, "a/b"), { message: /Invalid container name \(\/a\/b\)/ });
    await rooms.control.rename("old-name", "/new-name");
    assert.equal((await rooms.containers.inspect("new-name"))["Id"], id);
    assert.deepEqual(rooms.events.at(-1)?.attributes["oldName"], "/old-name");
    await rooms.make(SLEEPER, "old-name").then(remove);
    await remove(id);
    await remove(other);
  });

  test("update: limits reach the cgroup of a running container, and its next run", async () => {
    const id = await rooms.make({ ...SLEEPER, HostConfig: { Memory: 64 << 20 } });
    await rooms.containers.start(id);
    const group = existsSync("/sys/fs/cgroup/cgroup.controllers") ? "" : "memory/";
    const file = group === "" ? "memory.max" : "memory.limit_in_bytes";
    const limit = (): number => Number(readFileSync(`/sys/fs/cgroup/${group}varve/${id}/${file}`, "utf8").trim());
    assert.equal(limit(), 64 << 20);
    await assert.rejects(rooms.control.update(id, { Memory: 200 << 20 }), {
      message: new RegExp(`^Cannot update container ${id}: Memory limit should be smaller`),
    });
    await rooms.control.update(id, { Memory: 200 << 20, MemorySwap: 300 << 20, PidsLimit: 50, CpuShares: 512 });
    assert.equal(limit(), 200 << 20);
    await rooms.control.restart(id, { timeoutSeconds: 0 });
    assert.equal(limit(), 200 << 20);
    await rooms.control.update(id, { NanoCpus: 500_000_000 });
    await assert.rejects(rooms.control.update(id, { CpuQuota: 1000 }), {
      message: /Conflicting options: CPU Quota cannot be updated as NanoCPUs has already been set$/,
    });
    await remove(id);
  });

  test("prune: only what does not run and fits the filters", async () => {
    const Labels = { prune: "me" };
    const [stopped, running] = [await rooms.make({ ...SLEEPER, Labels }), await rooms.make({ ...SLEEPER, Labels })];
    await rooms.containers.start(running);
    const report = await rooms.control.prune(new Map([["label", ["prune=me"]]]));
    assert.deepEqual(report.ContainersDeleted, [stopped]);
    await assert.rejects(rooms.control.prune(new Map([["foo", ["x"]]])), { message: "invalid filter 'foo'" });
    await remove(running);
  });

  test("convergence: many acts at once on one container end in a state that can be removed", async () => {
    const id = await rooms.make(SLEEPER);
    const acts = Array.from({ length: 12 }).flatMap(() => [
      rooms.containers.start(id),
      rooms.control.stop(id, { timeoutSeconds: 0 }),
      rooms.control.restart(id, { timeoutSeconds: 0 }),
      rooms.control.pause(id),
      rooms.control.unpause(id),
    ]);
    await Promise.allSettled(acts);
    assert.ok(["running", "exited", "paused"].includes(String(await status(id))));
    await remove(id);
    await assert.rejects(rooms.containers.inspect(id), { category: "not_found" });
  });
});
