import type { OpenImage } from "#analysis";
import { isNotFound } from "#errors";
import { familiarReference, parseReference, withDefaultTag } from "#oci";
import type { Reference } from "#oci";
import { CommandError } from "../core/commandError.ts";
import { openAnyImage } from "../core/openAnyImage.ts";
import type { Session } from "../core/session.ts";

/** What stands on the command line. */
export interface Target {
  readonly image: string;
  /** `docker`, or the source that the image names no other than. */
  readonly source: string;
  /** "" is none. */
  readonly platform: string;
}

const SOURCES: readonly string[] = ["docker-archive", "oci-archive", "oci-layout", "registry"];
/** dive's own spelling. */
const OTHER_WORDS: Readonly<Record<string, string>> = { "docker-tar": "docker-archive" };

/** The name as {@link openAnyImage} takes it: `docker://web` is dive's word for an image of the engine. */
export function targetName({ image, source }: Target): string {
  const [, word, rest = ""] = /^([a-z-]+):\/\/(.*)$/s.exec(image) ?? [];
  const scheme = word === undefined ? undefined : (OTHER_WORDS[word] ?? word);
  if (scheme === "docker") return rest;
  if (scheme === "podman") {
    throw new CommandError("images of podman are not read: use podman save, and docker-archive:FILE");
  }
  if (scheme !== undefined && SOURCES.includes(scheme)) return `${scheme}:${rest}`;
  const wanted = OTHER_WORDS[source] ?? source;
  if (wanted === "docker") return image;
  if (!SOURCES.includes(wanted)) {
    throw new CommandError(`invalid source ${JSON.stringify(source)}: valid are docker, ${SOURCES.join(", ")}`);
  }
  return image.startsWith(`${wanted}:`) ? image : `${wanted}:${image}`;
}

/** An image ID, or a source other than the engine, is nothing to pull. */
function pullable(name: string): Reference | undefined {
  if (/^(?:sha256:)?[\da-f]{64}$/.test(name) || SOURCES.some((source) => name.startsWith(`${source}:`)))
    return undefined;
  return withDefaultTag(parseReference(name));
}

async function pull(session: Session, reference: Reference, platform: string): Promise<void> {
  session.warn(`Unable to find image '${familiarReference(reference)}' locally`);
  const { pullImage } = await import("../commands/pull.ts");
  await pullImage(session, { reference, all: false, platform, target: session.stderr });
}

/** Opens the image, wherever it is; one that the engine has not is pulled. The caller disposes it. */
export async function openTarget(session: Session, target: Target): Promise<OpenImage> {
  const name = targetName(target);
  const { platform } = target;
  try {
    return await openAnyImage(session, name, { platform });
  } catch (error) {
    const reference = isNotFound(error) ? pullable(name) : undefined;
    if (reference === undefined) throw error;
    await pull(session, reference, platform);
    return openAnyImage(session, name, { platform });
  }
}
