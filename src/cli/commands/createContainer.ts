import { isNotFound } from "#errors";
import { familiarReference, parseReference, withDefaultTag } from "#oci";
import type { Reference } from "#oci";
import type { Session } from "../core/session.ts";
import { callError } from "./containerFlags.ts";
import type { ContainerFlagValues } from "./containerFlags.ts";
import { pullImage } from "./pull.ts";

interface Created {
  readonly Id: string;
  readonly Warnings?: readonly string[] | null;
}

const PULL_RULES = ["always", "missing", "never"];

function referenceOf(image: string): Reference | undefined {
  try {
    return withDefaultTag(parseReference(image));
  } catch {
    // An image ID names no repository and cannot be pulled.
    return undefined;
  }
}

/** Creates the container, pulling its image as `--pull` says; warnings go to stderr. Answers the ID. */
export async function createContainer(
  session: Session,
  flags: ContainerFlagValues,
  body: Readonly<Record<string, unknown>>,
  command: string,
): Promise<string> {
  if (!PULL_RULES.includes(flags.pull)) {
    throw callError(command, `invalid pull option: '${flags.pull}': must be one of "always", "missing" or "never"`);
  }
  const platform = flags.platform || (process.env["DOCKER_DEFAULT_PLATFORM"] ?? "");
  const reference = referenceOf(String(body["Image"]));
  const pull = async (known: Reference): Promise<void> =>
    pullImage(session, { reference: known, all: false, platform, target: flags.quiet ? undefined : session.stderr });
  const create = async (): Promise<Created> =>
    session.client.json<Created>({
      method: "POST",
      path: "/containers/create",
      query: { name: flags.name === "" ? undefined : flags.name, platform: platform === "" ? undefined : platform },
      json: body,
    });
  await session.client.apiVersion();
  if (flags.pull === "always" && reference !== undefined) await pull(reference);
  let created: Created;
  try {
    created = await create();
  } catch (error) {
    if (!isNotFound(error) || reference === undefined || flags.pull !== "missing") throw error;
    if (!flags.quiet) session.warn(`Unable to find image '${familiarReference(reference)}' locally`);
    await pull(reference);
    created = await create();
  }
  for (const warning of created.Warnings ?? []) session.warn(`WARNING: ${warning}`);
  return created.Id;
}
