import type { ImageDeleteItem } from "#engineapi";
import { isNotFound, messageOf } from "#errors";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { CommandError } from "../core/commandError.ts";
import { boolFlag, listFlag } from "../core/flags.ts";
import { platformJson } from "../options/platform.ts";

/** `varve rmi`, `varve image rm`. */
export const removeImages: Command = defineCommand({
  use: "[OPTIONS] IMAGE [IMAGE...]",
  short: "Remove one or more images",
  examples: `rmi base:1
rmi -f $(varve images -q --filter dangling=true)`,
  args: { min: 1 },
  flags: {
    force: boolFlag("f", "Force removal of the image"),
    "no-prune": boolFlag(undefined, "Do not delete untagged parents"),
    platform: {
      ...listFlag(
        undefined,
        'Remove only the given platform variant. Formatted as "os[/arch[/variant]]" (e.g., "linux/amd64")',
      ),
      typeName: "strings",
    },
  },
  async run({ session, flags, args }) {
    const platforms = flags.platform.flatMap((text) => text.split(",")).map(platformJson);
    if (platforms.length > 0) await session.client.requireApiVersion("1.50", "--platform");
    const failures: string[] = [];
    let fatal = false;
    for (const image of args) {
      try {
        const items = await session.client.json<readonly ImageDeleteItem[]>({
          method: "DELETE",
          path: `/images/${encodeURIComponent(image)}`,
          query: { force: flags.force, noprune: flags["no-prune"], platforms },
        });
        for (const { Deleted, Untagged } of items) {
          session.print(Deleted === undefined ? `Untagged: ${Untagged ?? ""}\n` : `Deleted: ${Deleted}\n`);
        }
      } catch (error) {
        if (!isNotFound(error)) fatal = true;
        failures.push(messageOf(error));
      }
    }
    if (failures.length === 0) return undefined;
    // With -f an image that is not there is told and not a failure.
    if (flags.force && !fatal) {
      session.warn(failures.join("\n"));
      return undefined;
    }
    throw new CommandError(failures.join("\n"));
  },
});
