import { once } from "node:events";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { messageOf } from "#errors";
import { readTarStream } from "#tar";
import type { TarMember } from "#tar";
import { checkOutputPath, localTarget, resolveLocal } from "../copy/localPath.ts";
import { planCopy } from "../copy/plan.ts";
import type { CopyInfo } from "../copy/plan.ts";
import { unpackWhole } from "../copy/unpackWhole.ts";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { CommandError } from "../core/commandError.ts";
import { boolFlag } from "../core/flags.ts";
import type { Session } from "../core/session.ts";
import { escapePath, LongListing } from "../looking/fileListing.ts";
import { splitImagePath } from "../looking/imageArgument.ts";
import { checkFormat, FORMAT_JSON, PLATFORM } from "../looking/lookFlags.ts";
import { lookInto } from "../looking/lookedImage.ts";

/** Lines go out in pieces of about this much. */
const BATCH_CHARS = 64 << 10;

const SOURCES = `IMAGE is an image of the daemon, or docker-archive:FILE, oci-archive:FILE,
oci-layout:DIR or registry:REFERENCE, which need neither daemon nor root.
IMAGE@N is the image as it was after step N of its history.`;

async function printAll(session: Session, lines: AsyncIterable<string>): Promise<void> {
  let text = "";
  const flush = async (): Promise<void> => {
    if (!session.stdout.write(text)) await once(session.stdout, "drain");
    text = "";
  };
  for await (const line of lines) {
    text += `${line}\n`;
    if (text.length >= BATCH_CHARS) await flush();
  }
  await flush();
}

/** `varve image ls-files`. */
export const listImageFiles: Command = defineCommand({
  use: "[OPTIONS] IMAGE[@STEP] [PATH]",
  short: "List the files of an image",
  long: `List the files of an image, as a container would see them

${SOURCES}`,
  examples: `image ls-files nginx /etc/nginx
image ls-files -l -R debian:12-slim@1 /usr/lib
image ls-files --format json docker-archive:image.tar | jq -r .path`,
  args: { min: 1, max: 2 },
  flags: {
    format: FORMAT_JSON,
    long: boolFlag("l", "Show mode, owner, size, time and targets"),
    platform: PLATFORM,
    recursive: boolFlag("R", "List directories all the way down"),
  },
  async run({ session, flags, args: [image = "", path = "/"] }) {
    const isJson = checkFormat(flags.format);
    await using looked = await lookInto(session, image, flags.platform);
    const listing = new LongListing();
    async function* lines(): AsyncGenerator<string> {
      for await (const file of looked.files(path, flags.recursive)) {
        if (isJson) yield JSON.stringify(file);
        else yield flags.long ? listing.line(file) : escapePath(file.path);
      }
    }
    await printAll(session, lines());
    return undefined;
  },
});

/** `varve image cat`. */
export const catImageFiles: Command = defineCommand({
  use: "[OPTIONS] IMAGE[@STEP] PATH [PATH...]",
  short: "Print files of an image",
  long: `Print files of an image; symbolic links are followed within the image

${SOURCES}`,
  examples: `image cat nginx /etc/nginx/nginx.conf
image cat registry:debian:12-slim /etc/os-release`,
  args: { min: 2 },
  flags: { platform: PLATFORM },
  async run({ session, flags, args: [image = "", ...paths] }) {
    await using looked = await lookInto(session, image, flags.platform);
    const failures: string[] = [];
    for (const path of paths) {
      try {
        const bytes = Readable.from(await looked.file(path), { objectMode: false });
        await pipeline(bytes, session.stdout, { end: false });
      } catch (error) {
        failures.push(messageOf(error));
      }
    }
    if (failures.length > 0) throw new CommandError(failures.join("\n"));
    return undefined;
  },
});

/** The members again, the first of which was looked at. */
async function* rejoined(first: TarMember, rest: AsyncIterator<TarMember>): AsyncGenerator<TarMember> {
  yield first;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}

async function copyOut(archive: AsyncIterable<Uint8Array>, path: string, to: string): Promise<void> {
  const members = readTarStream(archive);
  try {
    const first = await members.next();
    if (first.done === true) throw new CommandError("the archive is empty");
    const isFolder = first.value.entry.type === "directory";
    const source: CopyInfo = { path, exists: true, isFolder, rebase: "" };
    await unpackWhole(rejoined(first.value, members), planCopy(source, localTarget(to)));
  } finally {
    await members.return();
  }
}

/** `varve image cp`. */
export const copyImageFiles: Command = defineCommand({
  use: "[OPTIONS] IMAGE[@STEP]:SRC_PATH DEST_PATH|-",
  short: "Copy files/folders from an image to the local filesystem",
  long: `Copy files/folders from an image to the local filesystem, without a container

Use '-' as the destination to stream a tar archive to stdout.
A copy that breaks off leaves nothing behind.

${SOURCES}`,
  examples: `image cp nginx:/etc/nginx ./nginx
image cp nginx:1.27@4:/usr/share/nginx/html - | tar -t
image cp oci-layout:./layout:/etc/os-release .`,
  args: { min: 2, max: 2 },
  flags: {
    "follow-link": boolFlag("L", "Always follow symbol link in SRC_PATH"),
    platform: PLATFORM,
  },
  async run({ session, flags, args: [from = "", to = ""] }) {
    const source = splitImagePath(from);
    if (source === undefined) throw new CommandError("the source must be IMAGE:PATH");
    if (source.path === "") throw new CommandError("source can not be empty");
    if (to === "") throw new CommandError("destination can not be empty");
    const target = to === "-" ? "-" : resolveLocal(to);
    if (target !== "-") checkOutputPath(target);
    await using looked = await lookInto(session, source.image, flags.platform);
    const path = flags["follow-link"] && !source.path.endsWith("/") ? `${source.path}/` : source.path;
    const archive = await looked.archive(path);
    if (target === "-") await pipeline(Readable.from(archive, { objectMode: false }), session.stdout, { end: false });
    else await copyOut(archive, source.path, target);
    return undefined;
  },
});
