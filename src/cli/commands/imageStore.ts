import { once } from "node:events";
import type { SearchHit, SharedLayer } from "#analysis";
import type { OverlayReply } from "#engineapi";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { CommandError } from "../core/commandError.ts";
import { boolFlag, listFlag, stringFlag } from "../core/flags.ts";
import { humanSize, shortId } from "../format/units.ts";
import { escapePath, modeText } from "../looking/fileListing.ts";
import { checkFormat, FORMAT_JSON, PLATFORM } from "../looking/lookFlags.ts";
import { overlayText } from "../looking/overlayText.ts";
import { shareText } from "../looking/shareText.ts";

/** `varve image tree`. */
export const imageTree: Command = defineCommand({
  use: "[OPTIONS]",
  short: "Show which images share which layers",
  examples: `image tree
image tree --layers`,
  args: { min: 0, max: 0 },
  flags: { format: FORMAT_JSON, layers: boolFlag("l", "Show every layer with its instruction") },
  async run({ session, flags }) {
    const isJson = checkFormat(flags.format);
    const roots = await session.client.json<readonly SharedLayer[]>({ path: "/varve/v1/tree" });
    session.print(isJson ? `${JSON.stringify(roots)}\n` : shareText(roots, flags.layers));
    return undefined;
  },
});

/** `varve image overlay`. */
export const imageOverlay: Command = defineCommand({
  use: "[OPTIONS] CONTAINER|IMAGE",
  short: "Show the directories that overlayfs makes a container's or an image's root of",
  long: `Show the directories that overlayfs makes a container's or an image's root of:
lower directories in order, upper, work and merged, with whiteouts and opaque
directories as they are now`,
  examples: `image overlay web
image overlay --format json nginx`,
  args: { min: 1, max: 1 },
  flags: { format: FORMAT_JSON, platform: PLATFORM },
  async run({ session, flags, args: [name = ""] }) {
    const isJson = checkFormat(flags.format);
    const reply = await session.client.json<OverlayReply>({
      path: `/varve/v1/overlay/${encodeURIComponent(name)}`,
      query: { platform: flags.platform === "" ? undefined : flags.platform },
    });
    session.print(isJson ? `${JSON.stringify(reply)}\n` : overlayText(reply));
    return undefined;
  },
});

const SEARCH_FLAGS = {
  format: FORMAT_JSON,
  "ignore-case": boolFlag("i", "Ignore case"),
  image: listFlag(undefined, "Search this image only (can be given several times)"),
  larger: stringFlag(undefined, "Files with more bytes than that (e.g., 10MB)"),
  long: boolFlag("l", "Show mode, owner and size"),
  owner: stringFlag(undefined, "Owner in numbers: UID, UID:GID or :GID"),
  platform: PLATFORM,
  regex: stringFlag(undefined, "Paths that a regular expression matches"),
  setgid: boolFlag(undefined, "Files that run with their group's rights"),
  setuid: boolFlag(undefined, "Files that run with their owner's rights"),
  sha256: stringFlag(undefined, "Files with this content"),
  smaller: stringFlag(undefined, "Files with fewer bytes than that"),
  type: stringFlag(undefined, "f, d, l, b, c or p"),
  "world-writable": boolFlag(undefined, "What everybody may write"),
};

/** Tagged ones; untagged ones are counted where there are others, for nobody knows them by their IDs. */
function imagesText(images: SearchHit["images"]): string {
  const tagged = images.filter(({ name }) => !name.startsWith("sha256:"));
  const untagged = images.length - tagged.length;
  const shown = (tagged.length === 0 ? images : tagged).map(({ name, shown }) => (shown ? name : `${name} (hidden)`));
  return [...shown, ...(tagged.length > 0 && untagged > 0 ? [`and ${untagged} untagged`] : [])].join(", ");
}

function hitLine(hit: SearchHit, long: boolean): string {
  const images = imagesText(hit.images);
  const facts = long ? `${modeText(hit)} ${hit.uid}/${hit.gid}\t${humanSize(hit.size, 3)}\t` : "";
  return `${facts}${escapePath(hit.path)}\t${shortId(hit.diffId)}\t${images}\n`;
}

/** `varve search-files`. */
export const searchFiles: Command = defineCommand({
  use: "[OPTIONS] [GLOB...]",
  short: "Search files in all images",
  long: `Search files in the layers of all images, without unpacking or mounting one.
A GLOB without "/" is looked for in names, one with "/" in whole paths.
Each file is told once with its layer and the images that have it; "(hidden)"
where a layer above hides or replaces it.`,
  examples: `search-files 'libssl.so*'
search-files --setuid --image nginx
search-files --larger 50MB -l
search-files --sha256 "$(sha256sum < leaked.key | cut -d' ' -f1)"`,
  args: { min: 0 },
  flags: SEARCH_FLAGS,
  async run({ session, flags, args }) {
    const isJson = checkFormat(flags.format);
    const text = (value: string): string | undefined => (value === "" ? undefined : value);
    const query = {
      glob: args,
      regex: text(flags.regex),
      larger: text(flags.larger),
      smaller: text(flags.smaller),
      owner: text(flags.owner),
      type: text(flags.type),
      sha256: text(flags.sha256),
      ignoreCase: flags["ignore-case"],
      setuid: flags.setuid,
      setgid: flags.setgid,
      worldWritable: flags["world-writable"],
      platform: text(flags.platform),
    };
    if (Object.values(query).every((value) => value === undefined || value === false || String(value) === ""))
      throw new CommandError("say what to search for: a GLOB or one of the options");
    const hits = session.client.lines<SearchHit>({ path: "/varve/v1/search", query: { ...query, image: flags.image } });
    for await (const hit of hits) {
      const line = isJson ? `${JSON.stringify(hit)}\n` : hitLine(hit, flags.long);
      if (!session.stdout.write(line)) await once(session.stdout, "drain");
    }
    return undefined;
  },
});
