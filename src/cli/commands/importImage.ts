import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { messageOf } from "#errors";
import { parseReference } from "#oci";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { CommandError } from "../core/commandError.ts";
import { listFlag, stringFlag } from "../core/flags.ts";
import type { Session } from "../core/session.ts";
import { showProgress } from "../stream/progress.ts";

interface Source {
  /** `-` when the bytes are sent with the call; else a URL that the daemon reads. */
  readonly name: string;
  readonly upload?: AsyncIterable<Uint8Array>;
}

async function openSource(text: string, session: Session): Promise<Source> {
  if (text === "-") return { name: "-", upload: session.stdin };
  if (/^(?:https?|ftp):\/\//.test(text)) return { name: text };
  try {
    await stat(text);
  } catch (error) {
    const missing = error instanceof Error && Reflect.get(error, "code") === "ENOENT";
    throw new CommandError(missing ? `open ${text}: no such file or directory` : messageOf(error));
  }
  return { name: "-", upload: createReadStream(text, { highWaterMark: 1 << 20 }) };
}

/** `varve import`. */
export const importImage: Command = defineCommand({
  use: "[OPTIONS] file|URL|- [REPOSITORY[:TAG]]",
  short: "Import the contents from a tarball to create a filesystem image",
  examples: `import rootfs.tar base:1
import -c 'CMD ["/bin/bash"]' -m 'from mmdebstrap' - base:1 < rootfs.tar.zst`,
  args: { min: 1 },
  flags: {
    change: listFlag("c", "Apply Dockerfile instruction to the created image"),
    message: stringFlag("m", "Set commit message for imported image"),
    platform: stringFlag(undefined, "Set platform if server is multi-platform capable"),
  },
  async run({ session, flags, args: [from = "", name = ""] }) {
    const source = await openSource(from, session);
    if (name !== "") parseReference(name);
    const messages = session.client.lines({
      method: "POST",
      path: "/images/create",
      query: {
        fromSrc: source.name,
        repo: name,
        tag: "",
        message: flags.message,
        changes: flags.change,
        platform: flags.platform === "" ? undefined : flags.platform.toLowerCase(),
      },
      ...(source.upload === undefined ? {} : { upload: source.upload, headers: { "Content-Type": "text/plain" } }),
    });
    await showProgress(messages, session.stdout);
    return undefined;
  },
});
