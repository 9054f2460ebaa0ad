import { isNotFound } from "#errors";
import { familiarReference, parsePlatform, parseReference, withDefaultTag } from "#oci";
import type { Reference } from "#oci";
import { CommandError } from "../core/commandError.ts";
import { terminalOf } from "../core/session.ts";
import type { Session } from "../core/session.ts";
import { pullImage } from "../commands/pull.ts";
import { isLoopback } from "../options/addresses.ts";
import type { ContainerFlagValues } from "../options/containerFlags.ts";
import { createBody } from "../options/createBody.ts";
import type { CreateBody, Streams } from "../options/createBody.ts";
import { windowsFlag } from "../options/resourceFlags.ts";
import { requireBodyVersion, requireFlagVersions } from "./apiVersions.ts";
import { callError, readingCall } from "./callError.ts";
import { openCidFile } from "./cidFile.ts";
import { proxyVariables } from "./proxies.ts";

interface Created {
  readonly Id: string;
  readonly Warnings?: readonly string[] | null;
}

/** A command line of `run` or `create`, parsed. */
export interface CreateCall {
  readonly flags: ContainerFlagValues;
  readonly given: ReadonlySet<string>;
  readonly args: readonly string[];
  readonly command: "run" | "create";
}

const PULL_RULES = ["always", "missing", "never", ""];

/** Checks the command line as Docker's client does and makes the request's body. @throws {CommandError} */
export async function bodyOf(session: Session, call: CreateCall, streams: Streams | undefined): Promise<CreateBody> {
  const { flags, given, command } = call;
  const windows = windowsFlag(given);
  if (windows !== undefined) {
    throw new CommandError(
      `"--${windows}" is only supported on a Docker daemon running on windows, but the Docker daemon is running on linux`,
    );
  }
  await requireFlagVersions(session.client, given);
  if (!PULL_RULES.includes(flags.pull)) {
    throw callError(command, `invalid pull option: '${flags.pull}': must be one of "always", "missing" or "never"`);
  }
  const terminal = terminalOf(session.stdout);
  return readingCall(command, () =>
    createBody(
      {
        ...call,
        proxies: proxyVariables(session.config, session.chosen.host.address),
        consoleSize: [terminal?.rows ?? 0, terminal?.columns ?? 0],
      },
      streams,
    ),
  );
}

/** An image ID names no repository and cannot be pulled. @throws {invalid_argument} `invalid reference format`. */
function referenceOf(image: string): Reference | undefined {
  return /^(?:sha256:)?[\da-f]{64}$/.test(image) ? undefined : withDefaultTag(parseReference(image));
}

/** As the client of Docker sends it: normalised, but arm without a variant stays so, and v8 stays. */
function platformQuery(text: string): string {
  let platform: ReturnType<typeof parsePlatform>;
  try {
    platform = parsePlatform(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`error parsing specified platform: ${why}`, { cause: error });
  }
  const { os, architecture, variant } = platform;
  const isSpelled = text.split("/").length > 2;
  if (isSpelled) return [os, architecture, variant ?? (architecture === "arm64" ? "v8" : "")].filter(Boolean).join("/");
  const kept = architecture === "arm" && variant === "v7" ? "" : (variant ?? "");
  return [os, architecture, kept].filter(Boolean).join("/");
}

class Creation {
  readonly #session: Session;
  readonly #flags: ContainerFlagValues;
  readonly #body: CreateBody;
  readonly #reference: Reference | undefined;
  readonly #platform: string;

  constructor(session: Session, flags: ContainerFlagValues, body: CreateBody) {
    this.#session = session;
    this.#flags = flags;
    this.#body = body;
    this.#reference = referenceOf(body.Image);
    this.#platform = flags.platform || (process.env["DOCKER_DEFAULT_PLATFORM"] ?? "");
  }

  async run(): Promise<Created> {
    const { pull } = this.#flags;
    if (pull === "always" && this.#reference !== undefined) await this.#pull(this.#reference);
    try {
      return await this.#create();
    } catch (error) {
      if (!isNotFound(error) || this.#reference === undefined || pull !== "missing") throw error;
      if (!this.#flags.quiet) {
        this.#session.warn(`Unable to find image '${familiarReference(this.#reference)}' locally`);
      }
      await this.#pull(this.#reference);
      return this.#create();
    }
  }

  async #pull(reference: Reference): Promise<void> {
    const target = this.#flags.quiet ? undefined : this.#session.stderr;
    await pullImage(this.#session, { reference, all: false, platform: this.#platform, target });
  }

  async #create(): Promise<Created> {
    const { name } = this.#flags;
    return this.#session.client.json<Created>({
      method: "POST",
      path: "/containers/create",
      query: {
        name: name === "" ? undefined : name,
        platform: this.#platform === "" ? undefined : platformQuery(this.#platform),
      },
      json: this.#body,
    });
  }
}

/** Creates the container, pulling its image as `--pull` says; warnings go to stderr. Answers the ID. */
export async function createContainer(session: Session, call: CreateCall, body: CreateBody): Promise<string> {
  const { flags } = call;
  using cidFile = openCidFile(flags.cidfile);
  // Loaded only where it is asked for: it brings the tar room along.
  const socket = flags["use-api-socket"] ? await import("./apiSocket.ts") : undefined;
  const shared = (await socket?.withApiSocket(session, body)) ?? { body, credentials: undefined };
  await session.client.apiVersion();
  const creation = new Creation(session, flags, shared.body);
  await requireBodyVersion(session.client, shared.body);
  const { Id, Warnings } = await creation.run();
  const localDns = flags.dns.find(isLoopback);
  const ours = localDns === undefined ? [] : [`Localhost DNS (${localDns}) may fail in containers.`];
  for (const warning of [...(Warnings ?? []), ...ours]) session.warn(`WARNING: ${warning}`);
  cidFile.write(Id);
  if (shared.credentials !== undefined) await socket?.injectCredentials(session, Id, shared.credentials);
  return Id;
}
