import { encodeRegistryAuth, readCredentials, serverOf } from "#client";
import { EngineError } from "#errors";
import { familiarName, parseReference, withDefaultTag } from "#oci";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { boolFlag, stringFlag } from "../core/flags.ts";
import { showProgress } from "../stream/progress.ts";

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
        platform: flags.platform === "" ? undefined : platformJson(flags.platform),
      },
      headers: { "X-Registry-Auth": encodeRegistryAuth(auth) },
    });
    await showProgress(messages, flags.quiet ? undefined : session.stdout);
    if (flags.quiet)
      session.print(`${reference.domain}/${reference.path}${reference.tag === undefined ? "" : `:${reference.tag}`}\n`);
    return undefined;
  },
});

/** `linux/arm64/v8` → the JSON that the API takes. */
export function platformJson(text: string): string {
  const [os = "", architecture = "", variant] = text.split("/");
  return JSON.stringify({ os, architecture, ...(variant === undefined ? {} : { variant }) });
}
