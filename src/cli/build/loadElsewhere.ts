import { createReadStream, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Session } from "../core/session.ts";
import type { BuildFlags } from "./buildFlags.ts";

/** `--load` of a build whose daemon is another one: its archive goes through us. */
export interface ElsewhereLoad extends AsyncDisposable {
  changed(flags: BuildFlags): BuildFlags;
  /** Once the build is done. */
  finish(): Promise<void>;
}

/** The image is to be in the session's own daemon. */
export function loadedElsewhere(session: Session): ElsewhereLoad {
  const folder = mkdtempSync(join(tmpdir(), "varve-load-"));
  const path = join(folder, "image.tar");
  return {
    changed: (flags) => ({ ...flags, load: false, output: [...flags.output, `type=docker,dest=${path}`] }),
    finish: async () => {
      const headers = { "Content-Type": "application/x-tar" };
      const upload = createReadStream(path, { highWaterMark: 1 << 20 });
      await session.client.text({ method: "POST", path: "/images/load", query: { quiet: "1" }, upload, headers });
    },
    [Symbol.asyncDispose]: async () => rmSync(folder, { recursive: true, force: true }),
  };
}
