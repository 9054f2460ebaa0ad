import { formatReference, parseReference, repositoryOf, withDefaultTag } from "#oci";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { CommandError } from "../core/commandError.ts";
import { boolFlag, listFlag, stringFlag } from "../core/flags.ts";

function target(text: string): { readonly repo: string; readonly tag: string } {
  if (text === "") return { repo: "", tag: "" };
  const reference = parseReference(text);
  if (reference.digest !== undefined) throw new CommandError("refusing to create a tag with a digest reference");
  const tagged = withDefaultTag(reference);
  return { repo: formatReference(repositoryOf(tagged)), tag: tagged.tag ?? "" };
}

/** `varve commit`. */
export const commit: Command = defineCommand({
  use: "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
  short: "Create a new image from a container's changes",
  examples: `commit web web:patched
commit -m "add config" -c "CMD nginx" web web:2`,
  args: { min: 1, max: 2 },
  interspersed: false,
  flags: {
    author: stringFlag("a", 'Author (e.g., "John Hannibal Smith <hannibal@a-team.com>")'),
    change: listFlag("c", "Apply Dockerfile instruction to the created image"),
    message: stringFlag("m", "Commit message"),
    pause: boolFlag("p", "Pause container during commit", true),
  },
  async run({ session, flags, args: [name = "", reference = ""] }) {
    const container = name.trim();
    if (container === "") throw new CommandError("invalid container name or ID: value is empty");
    const { Id } = await session.client.json<{ readonly Id: string }>({
      method: "POST",
      path: "/commit",
      query: {
        container,
        ...target(reference),
        comment: flags.message,
        author: flags.author,
        changes: flags.change,
        pause: flags.pause ? undefined : "0",
      },
    });
    session.print(`${Id}\n`);
    return undefined;
  },
});
