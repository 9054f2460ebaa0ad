import { messageOf } from "#errors";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { CommandError } from "../core/commandError.ts";
import { stringFlag } from "../core/flags.ts";
import type { Flag } from "../core/flags.ts";
import { limitFlags, limits } from "../options/resourceFlags.ts";
import type { LimitFlags } from "../options/resourceFlags.ts";
import { parseRestartPolicy } from "../options/restartPolicy.ts";
import { containerPath } from "../stream/forEach.ts";

type UpdateFlags = LimitFlags & Readonly<Record<"restart", Flag<string>>>;

const FLAGS: UpdateFlags = {
  ...limitFlags({ realtime: "the CPU real-time", unlimitedSwap: "-1", kernelHidden: true }),
  restart: stringFlag(undefined, "Restart policy to apply when a container exits"),
};

/** What Docker's client sends for resources that cannot be updated. */
const UNTOUCHED = {
  CgroupParent: "",
  BlkioWeightDevice: null,
  BlkioDeviceReadBps: null,
  BlkioDeviceWriteBps: null,
  BlkioDeviceReadIOps: null,
  BlkioDeviceWriteIOps: null,
  Devices: null,
  DeviceCgroupRules: null,
  DeviceRequests: null,
  MemorySwappiness: null,
  OomKillDisable: null,
  Ulimits: null,
  CpuCount: 0,
  CpuPercent: 0,
  IOMaximumIOps: 0,
  IOMaximumBandwidth: 0,
} as const;

/** `varve update`. */
export const update: Command = defineCommand({
  use: "[OPTIONS] CONTAINER [CONTAINER...]",
  short: "Update configuration of one or more containers",
  examples: `update --memory 512m --cpus 1.5 web
update --restart unless-stopped web`,
  args: { min: 1 },
  flags: FLAGS,
  async run({ session, flags, given, args }) {
    if (given.size === 0) throw new CommandError("you must provide one or more flags when using this command");
    const json = {
      ...UNTOUCHED,
      ...limits(flags),
      ...(flags["kernel-memory"] === 0 ? {} : { KernelMemory: flags["kernel-memory"] }),
      PidsLimit: flags["pids-limit"] === 0 ? null : flags["pids-limit"],
      RestartPolicy: parseRestartPolicy(flags.restart),
    };
    const warnings: string[] = [];
    const failures: string[] = [];
    for (const name of args) {
      try {
        const path = containerPath(name, "/update");
        const answer = await session.client.json<{ Warnings?: string[] | null }>({ method: "POST", path, json });
        session.print(`${name}\n`);
        warnings.push(...(answer.Warnings ?? []));
      } catch (error) {
        failures.push(messageOf(error));
      }
    }
    if (warnings.length > 0) session.print(`${warnings.join("\n")}\n`);
    if (failures.length > 0) throw new CommandError(failures.join("\n"));
    return undefined;
  },
});
