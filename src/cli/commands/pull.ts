import { EngineError } from "#errors";
import { encodeRegistryAuth, readCredentials, serverOf } from "#client";
import { formatReference, parseReference, repositoryOf, withDefaultTag } from "#oci";
import type { Reference } from "#oci";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { boolFlag, stringFlag } from "../core/flags.ts";
import type { Session } from "../core/session.ts";
import { showProgress } from "../stream/progress.ts";
import type { ProgressTarget } from "../stream/progress.ts";

/** What to ask the daemon for. `platform` as the user wrote it; `target` undefined prints nothing. */
export interface PullWish {
  readonly reference: Reference;
  readonly all: boolean;
  readonly platform: string;
  readonly target: ProgressTarget | undefined;
}

/** `POST /images/create`, to its end. */
export async function pullImage(session: Session, wish: PullWish): Promise<void> {
  const { reference } = wish;
  const auth = await readCredentials(session.config, serverOf(reference));
  const messages = session.client.lines({
    method: "POST",
    path: "/images/create",
    query: {
      fromImage: formatReference(repositoryOf(reference)),
      tag: wish.all ? undefined : (reference.digest ?? reference.tag),
      platform: wish.platform === "" ? undefined : wish.platform.toLowerCase(),
    },
    headers: { "X-Registry-Auth": encodeRegistryAuth(auth) },
  });
  await showProgress(messages, wish.target);
}

/** `varve pull`. */
export const pull: Command = defineCommand({
  use: "[OPTIONS] NAME[:TAG|@DIGEST]",
  short: "Download an image from a registry",
  examples: `pull debian:12-slim
pull --platform linux/arm64 nginx
pull -a registry.example:5000/base`,
  args: { min: 1, max: 1 },
  flags: {
    "all-tags": boolFlag("a", "Download all tagged images in the repository"),
    "disable-content-trust": boolFlag(undefined, "Skip image verification", true),
    platform: stringFlag(undefined, "Set platform if server is multi-platform capable"),
    quiet: boolFlag("q", "Suppress verbose output"),
  },
  async run({ session, flags, args: [name = ""] }) {
    const named = parseReference(name);
    const isNameOnly = named.tag === undefined && named.digest === undefined;
    if (flags["all-tags"] && !isNameOnly) {
      throw new EngineError("invalid_argument", "INVALID_REFERENCE", "tag can't be used with --all-tags/-a");
    }
    const reference = flags["all-tags"] ? named : withDefaultTag(named);
    if (isNameOnly && !flags["all-tags"] && !flags.quiet) session.print(`Using default tag: ${reference.tag ?? ""}\n`);
    await pullImage(session, {
      reference,
      all: flags["all-tags"],
      platform: flags.platform || (process.env["DOCKER_DEFAULT_PLATFORM"] ?? ""),
      target: flags.quiet ? undefined : session.stdout,
    });
    session.print(`${reference.domain}/${reference.path}${suffix(reference)}\n`);
    return undefined;
  },
});

function suffix(reference: Reference): string {
  const tag = reference.tag === undefined ? "" : `:${reference.tag}`;
  return reference.digest === undefined ? tag : `${tag}@${reference.digest}`;
}
