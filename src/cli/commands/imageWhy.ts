import type { NamedLayers, SharedLayer, WhyReply } from "#analysis";
import { parseDiffId } from "#oci";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { openAnyImage } from "../core/openAnyImage.ts";
import type { Session } from "../core/session.ts";
import { isSource } from "../looking/lookedImage.ts";
import { checkFormat, FORMAT_JSON, PLATFORM } from "../looking/lookFlags.ts";
import { whyText } from "../looking/whyText.ts";

/** Images of the daemon that may be a base; none where no daemon runs. */
async function knownImages(session: Session): Promise<readonly NamedLayers[]> {
  if (!(await session.isListening())) return [];
  const roots = await session.client.json<readonly SharedLayer[]>({ path: "/varve/v1/tree" });
  return roots.flatMap((root) => namedBelow(root, []));
}

function namedBelow({ diffId, images, children }: SharedLayer, below: NamedLayers["diffIds"]): readonly NamedLayers[] {
  const diffIds = [...below, parseDiffId(diffId)];
  return [...images.map((name) => ({ name, diffIds })), ...children.flatMap((child) => namedBelow(child, diffIds))];
}

interface Question {
  readonly text: string;
  readonly path: string;
  readonly platform: string;
}

async function ask(session: Session, { text, path, platform }: Question): Promise<WhyReply> {
  const { parseImageStep, readImageTree, shownPath, whyPath } = await import("#analysis");
  const { image: name, step } = parseImageStep(text);
  if (!(await isSource(name))) {
    const query = { path, step, platform: platform === "" ? undefined : platform };
    return session.client.json<WhyReply>({ path: `/varve/v1/images/${encodeURIComponent(name)}/why`, query });
  }
  await using image = await openAnyImage(session, name, { platform });
  const { fromDisplayPath } = await import("#tar");
  const known = await knownImages(session).catch(() => []);
  const reply = await whyPath(image, await readImageTree(image), { path: fromDisplayPath(path), step, known });
  if (reply === undefined) throw new Error(`${shownPath(path)}: no layer of ${name} has such a path`);
  return reply;
}

/** `varve image why`. */
export const imageWhy: Command = defineCommand({
  use: "[OPTIONS] IMAGE[@STEP] PATH",
  short: "Show which layers and instructions made a path of an image what it is",
  long: `Show which layers and instructions made a path of an image what it is:
who added it, changed it and hid it, what the copies that nobody sees waste,
which local image brought it, and which package owns it`,
  examples: `image why nginx /etc/nginx/nginx.conf
image why --format json docker-archive:image.tar /usr/bin/python3`,
  args: { min: 2, max: 2 },
  flags: { format: FORMAT_JSON, platform: PLATFORM },
  async run({ session, flags, args: [text = "", path = ""] }) {
    const isJson = checkFormat(flags.format);
    const reply = await ask(session, { text, path, platform: flags.platform });
    session.print(isJson ? `${JSON.stringify(reply)}\n` : whyText(reply));
    return undefined;
  },
});
