import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { stringFlag } from "../core/flags.ts";
import { chooseLook } from "../dive/dive.ts";
import { DIVE_FLAGS } from "../dive/diveFlags.ts";
import { openTarget } from "../dive/openTarget.ts";

/** `varve dive`. */
export const dive: Command = defineCommand({
  use: "[OPTIONS] IMAGE | docker-archive:FILE | oci-archive:FILE | oci-layout:DIR | registry:REF",
  short: "Explore an image: its layers, their files, what is wasted",
  examples: `dive debian:12-slim
dive --platform linux/arm64 registry:nginx
dive docker-archive:web.tar
dive build -t web .
dive --ci --lowest-efficiency 0.95 --highest-wasted-bytes 20MB web
dive --json report.json web`,
  args: { min: 1, max: 1 },
  flags: {
    ...DIVE_FLAGS,
    platform: stringFlag(undefined, 'Which platform of a multi-platform image (e.g. "linux/arm64")'),
    source: {
      ...stringFlag(undefined, "Where the image is: docker, docker-archive, oci-archive, oci-layout, registry", {
        shownDefault: "docker",
      }),
      initial: "docker",
    },
  },
  async run({ session, flags, args: [image = ""] }) {
    const look = await chooseLook(session, flags);
    await using opened = await openTarget(session, { image, source: flags.source, platform: flags.platform });
    return await look(opened);
  },
});
