import { parseReference, withDefaultTag } from "#oci";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { CommandError } from "../core/commandError.ts";
import { boolFlag, stringFlag } from "../core/flags.ts";
import type { Flag } from "../core/flags.ts";
import type { Session } from "../core/session.ts";
import { PLATFORM } from "../looking/lookFlags.ts";
import { showProgress } from "../stream/progress.ts";

const TAG: Flag<string> = stringFlag("t", "Name of the new image; without it, IMAGE's own name moves to it");
const QUIET: Flag<boolean> = boolFlag("q", "Print the image ID only");

interface Wish {
  readonly name: string;
  readonly act: "squash" | "flatten" | "rebase";
  readonly query: Readonly<Record<string, string | undefined>>;
  readonly flags: { readonly tag: string; readonly platform: string; readonly quiet: boolean };
}

/** Progress goes to stderr, so that stdout is the new image's ID. */
async function reshape(session: Session, { name, act, query, flags }: Wish): Promise<undefined> {
  if (flags.tag !== "") withDefaultTag(parseReference(flags.tag));
  const messages = session.client.lines({
    method: "POST",
    path: `/varve/v1/images/${encodeURIComponent(name)}/${act}`,
    query: {
      ...query,
      tag: flags.tag === "" ? undefined : flags.tag,
      platform: flags.platform === "" ? undefined : flags.platform.toLowerCase(),
    },
  });
  let made: Readonly<Record<string, unknown>> = {};
  await showProgress(messages, flags.quiet ? undefined : session.stderr, (aux) => {
    made = aux;
  });
  if (!flags.quiet && made["ID"] !== made["Was"]) {
    session.warn(`Layers: ${String(made["LayersAfter"])}, before ${String(made["LayersBefore"])}`);
  }
  session.print(`${String(made["ID"])}\n`);
  return undefined;
}

/** `varve image squash`. */
export const squashImage: Command = defineCommand({
  use: "[OPTIONS] IMAGE",
  short: "Make one layer of an image's upper layers",
  long: `Make a new image in which the layers above its base are one

The base is the largest image here whose layers are the first ones of IMAGE, or
what is below step N of the history with --from N. Whiteouts that the base needs
stay. The old image stays too, without the name.`,
  examples: `image squash app:1
image squash --from 5 -t app:small app:1`,
  args: { min: 1, max: 1 },
  flags: {
    from: stringFlag(undefined, "Step of the history (from 1) with which the new layer begins"),
    platform: PLATFORM,
    quiet: QUIET,
    tag: TAG,
  },
  async run({ session, flags, args: [name = ""] }) {
    if (flags.from !== "" && !/^\d+$/.test(flags.from))
      throw new CommandError(`invalid step ${JSON.stringify(flags.from)}: it is a number from 1`);
    const query = { from: flags.from === "" ? undefined : flags.from };
    return await reshape(session, { name, act: "squash", query, flags });
  },
});

/** `varve image flatten`. */
export const flattenImage: Command = defineCommand({
  use: "[OPTIONS] IMAGE",
  short: "Make one layer of all layers of an image",
  examples: `image flatten app:1
image flatten -t app:flat app:1`,
  args: { min: 1, max: 1 },
  flags: { platform: PLATFORM, quiet: QUIET, tag: TAG },
  async run({ session, flags, args: [name = ""] }) {
    return await reshape(session, { name, act: "flatten", query: {}, flags });
  },
});

/** `varve image rebase`. */
export const rebaseImage: Command = defineCommand({
  use: "[OPTIONS] --onto NEWBASE IMAGE",
  short: "Put the upper layers of an image upon another base",
  long: `Make a new image of NEWBASE's layers and those that IMAGE has above its old base

What IMAGE's configuration has from the old base becomes that of NEWBASE; what it
set itself stays. Refused when the upper layers touch paths that differ between
the bases: --force takes the upper layers' files then.`,
  examples: `image rebase --onto debian:13-slim app:1
image rebase --from debian:12-slim --onto debian:13-slim -t app:2 app:1`,
  args: { min: 1, max: 1 },
  flags: {
    force: boolFlag(undefined, "Rebase even if upper layers touch what the base changed"),
    from: stringFlag(undefined, "The old base; default: the largest image here that is IMAGE's base"),
    onto: stringFlag(undefined, "The new base"),
    platform: PLATFORM,
    quiet: QUIET,
    tag: TAG,
  },
  async run({ session, flags, args: [name = ""] }) {
    if (flags.onto === "") throw new CommandError("name the new base with --onto");
    const query = {
      onto: flags.onto,
      from: flags.from === "" ? undefined : flags.from,
      force: flags.force ? "1" : undefined,
    };
    return await reshape(session, { name, act: "rebase", query, flags });
  },
});
