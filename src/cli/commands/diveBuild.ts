import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BUILD_FLAGS } from "../build/buildFlags.ts";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { CommandError } from "../core/commandError.ts";
import { chooseLook } from "../dive/dive.ts";
import { DIVE_FLAGS } from "../dive/diveFlags.ts";
import { openTarget } from "../dive/openTarget.ts";
import { build } from "./build.ts";

/** The ID that a build wrote; undefined: it made no image. */
function readImageId(path: string): string | undefined {
  try {
    const id = readFileSync(path, "utf8").trim();
    return id === "" ? undefined : id;
  } catch {
    // A build whose output is no image writes none.
    return undefined;
  }
}

/** `varve dive build`. */
export const diveBuild: Command = defineCommand({
  use: "[OPTIONS] PATH | URL | -",
  short: "Build an image from a Dockerfile, then explore it",
  long: "Build an image from a Dockerfile, then explore it. Takes all options of varve build, and those of varve dive.",
  examples: `dive build -t web .
dive build --ci --target test .`,
  args: { min: 1, max: 1 },
  flags: { ...BUILD_FLAGS, ...DIVE_FLAGS },
  async run({ session, flags, given, args }) {
    const look = await chooseLook(session, flags);
    const folder = mkdtempSync(join(tmpdir(), "varve-dive-"));
    const idFile = flags.iidfile === "" ? join(folder, "iid") : flags.iidfile;
    try {
      const exitCode = (await build.run({ session, flags: { ...flags, iidfile: idFile }, given, args })) ?? 0;
      if (exitCode !== 0) return exitCode;
      const id = readImageId(idFile);
      if (id === undefined) throw new CommandError("varve dive: the build made no image of the engine to look into");
      await using image = await openTarget(session, { image: id, source: "docker", platform: "" });
      return await look(image);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
});
