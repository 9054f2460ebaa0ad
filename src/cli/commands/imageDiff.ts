import type { CompareOptions, DiffPart, DiffReply, ImageAtStep, OpenImage } from "#analysis";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { CommandError } from "../core/commandError.ts";
import { boolFlag, stringFlag } from "../core/flags.ts";
import { openAnyImage } from "../core/openAnyImage.ts";
import type { Session } from "../core/session.ts";
import { diffText } from "../looking/diffText.ts";
import { isSource } from "../looking/lookedImage.ts";
import { checkFormat, FORMAT_JSON, PLATFORM } from "../looking/lookFlags.ts";

interface Side extends ImageAtStep {
  readonly platform: string;
}

const given = (text: string): string | undefined => (text === "" ? undefined : text);

/** Both of the store: its daemon has their indexes at hand. */
function askDaemon(session: Session, before: Side, after: Side, options: CompareOptions): Promise<DiffReply> {
  return session.client.json<DiffReply>({
    path: `/varve/v1/images/${encodeURIComponent(before.image)}/diff`,
    query: {
      step: before.step,
      platform: given(before.platform),
      other: after.image,
      otherStep: after.step,
      otherPlatform: given(after.platform),
      part: options.parts,
      content: options.content,
    },
  });
}

async function compareHere(session: Session, before: Side, after: Side, options: CompareOptions): Promise<DiffReply> {
  const { compareImages, readImageTree } = await import("#analysis");
  const compared = async (image: OpenImage, { step }: Side): Promise<Parameters<typeof compareImages>[0]> => ({
    image,
    tree: await readImageTree(image),
    step,
  });
  await using left = await openAnyImage(session, before.image, before);
  await using right = await openAnyImage(session, after.image, after);
  return await compareImages(await compared(left, before), await compared(right, after), options);
}

/** `varve image diff`. */
export const imageDiff: Command = defineCommand({
  use: "[OPTIONS] IMAGE[@STEP] IMAGE[@STEP]",
  short: "Show how two images differ",
  long: `Show how two images differ: by size, configuration, packages and files.
The two may be tags, platforms (--platform-a, --platform-b) or steps of one image.
Files of one size are read only where their times differ, or with --checksum.`,
  examples: `image diff nginx:1.26 nginx:1.27
image diff --files app@3 app@5
image diff --packages --format json debian:12 registry:debian:13
image diff --platform-a linux/amd64 --platform-b linux/arm64 app app`,
  args: { min: 2, max: 2 },
  flags: {
    checksum: boolFlag(undefined, "Compare the bytes of all files of one size"),
    config: boolFlag(undefined, "Compare environment, command, labels, …"),
    files: boolFlag(undefined, "List the files that differ"),
    format: FORMAT_JSON,
    packages: boolFlag(undefined, "Compare packages of dpkg, apk, rpm, npm and pip"),
    platform: PLATFORM,
    "platform-a": stringFlag(undefined, "Platform of the first image"),
    "platform-b": stringFlag(undefined, "Platform of the second image"),
    size: boolFlag(undefined, "Compare sizes"),
  },
  async run({ session, flags, args: [a = "", b = ""] }) {
    const isJson = checkFormat(flags.format);
    const { DIFF_PARTS, parseImageStep } = await import("#analysis");
    const before = { ...parseImageStep(a), platform: flags["platform-a"] || flags.platform };
    const after = { ...parseImageStep(b), platform: flags["platform-b"] || flags.platform };
    const wanted = DIFF_PARTS.filter((part: DiffPart) => flags[part]);
    if (flags.checksum && wanted.length > 0 && !flags.files) throw new CommandError("--checksum goes with --files");
    const content = flags.checksum ? "always" : flags.files ? "unsure" : "never";
    const options: CompareOptions = { parts: wanted.length === 0 ? DIFF_PARTS : wanted, content };
    const isHere = (await isSource(before.image)) || (await isSource(after.image));
    const reply = await (isHere ? compareHere : askDaemon)(session, before, after, options);
    session.print(isJson ? `${JSON.stringify(reply)}\n` : diffText(reply, flags.files || flags.checksum));
    return undefined;
  },
});
