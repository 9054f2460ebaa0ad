import { encodeRegistryAuth, readCredentials, serverOf } from "#client";
import { EngineError } from "#errors";
import { familiarName, parseReference, withDefaultTag } from "#oci";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { boolFlag, stringFlag } from "../core/flags.ts";
import type { Session } from "../core/session.ts";
import { platformJson } from "../options/platform.ts";
import { showProgress } from "../stream/progress.ts";

function pushedPlatform(session: Session, text: string): string {
  try {
    return platformJson(text);
  } catch (error) {
    // No line of its own, as Docker's client has it.
    session.stderr.write(`Invalid platform ${text}`);
    throw error;
  }
}

/** `varve push`. */
export const push: Command = defineCommand({
  use: "[OPTIONS] NAME[:TAG]",
  short: "Upload an image to a registry",
  examples: `push registry.example:5000/base:1
push -a registry.example:5000/base`,
  args: { min: 1, max: 1 },
  flags: {
    "all-tags": boolFlag("a", "Push all tags of an image to the repository"),
    "disable-content-trust": boolFlag(undefined, "Skip image signing", true),
    platform: stringFlag(
      undefined,
      "Push a platform-specific manifest as a single-platform image to the registry.\nImage index won't be pushed, meaning that other manifests, including attestations won't be preserved.\n'os[/arch[/variant]]': Explicit platform (eg. linux/amd64)",
    ),
    quiet: boolFlag("q", "Suppress verbose output"),
  },
  async run({ session, flags, args: [name = ""] }) {
    const platform = flags.platform === "" ? undefined : pushedPlatform(session, flags.platform);
    if (flags.platform !== "") await session.client.requireApiVersion("1.46", "--platform");
    const named = parseReference(name);
    const isNameOnly = named.tag === undefined && named.digest === undefined;
    if (flags["all-tags"] && !isNameOnly) {
      throw new EngineError("invalid_argument", "INVALID_REFERENCE", "tag can't be used with --all-tags/-a");
    }
    if (named.digest !== undefined) {
      throw new EngineError("invalid_argument", "INVALID_REFERENCE", "cannot push a digest reference");
    }
    const reference = flags["all-tags"] ? named : withDefaultTag(named);
    if (isNameOnly && !flags["all-tags"] && !flags.quiet) session.print(`Using default tag: ${reference.tag ?? ""}\n`);
    const auth = await readCredentials(session.config, serverOf(reference));
    const messages = session.client.lines({
      method: "POST",
      path: `/images/${encodeURI(familiarName(reference))}/push`,
      query: {
        tag: reference.tag ?? "",
        platform,
      },
      headers: { "X-Registry-Auth": encodeRegistryAuth(auth) },
    });
    await showProgress(messages, flags.quiet ? undefined : session.stdout);
    if (flags.quiet)
      session.print(`${reference.domain}/${reference.path}${reference.tag === undefined ? "" : `:${reference.tag}`}\n`);
    return undefined;
  },
});
