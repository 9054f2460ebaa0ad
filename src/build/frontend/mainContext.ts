import { createIgnoreMatcher, parseGitReference, readIgnoreFile } from "#dockerfile";
import type { IgnoreMatcher } from "#dockerfile";
import { EngineError, ErrorCode, wrapError } from "#errors";
import type { Filesystem, HttpSource } from "../graph/operation.ts";
import type { Vertex } from "../graph/vertex.ts";
import type { BuildRequest } from "../request.ts";
import type { FrontendHost } from "./frontendHost.ts";
import { inputVertex } from "./inputContext.ts";
import { later } from "./later.ts";
import { makeVertex } from "./vertices.ts";

/** A Dockerfile of ten megabytes is one of an attack. bytes */
const MAX_DOCKERFILE = 16 << 20;
const MAX_IGNORE_FILE = 4 << 20;
/** The name that a file gets which is a context. */
const DOWNLOADED = "context";

/** What was read before anything is planned. */
export interface MainContext {
  readonly filename: string;
  readonly text: string;
  /** The vertex that loaded the Dockerfile: warnings are shown there. */
  readonly loaded: Vertex;
  /** Read when it is first asked for: a Dockerfile that is wrong needs no ignore file. */
  readonly ignoring: () => Promise<IgnoreRules>;
  /** The context that is no directory of the client. */
  readonly remote: Vertex | undefined;
}

/** What `.dockerignore` says. */
export interface IgnoreRules {
  readonly excludes: readonly string[];
  readonly ignored: IgnoreMatcher | undefined;
}

interface Reading {
  readonly request: BuildRequest;
  readonly host: FrontendHost;
}

export function localVertex(
  { request }: Reading,
  wish: {
    readonly label: string;
    readonly directory: string;
    readonly followPaths?: readonly string[];
    readonly excludes?: readonly string[];
    readonly sharedKey?: string;
    /** Every byte is asked for, whatever its time: two small files may differ in nothing else. */
    readonly fresh?: boolean;
  },
): Vertex {
  const { directory, followPaths, excludes = [], fresh = false } = wish;
  const key = wish.sharedKey ?? request.options.sharedKeys.get(directory) ?? "";
  const sharedKey = fresh ? "" : `${directory}:${key}`;
  return makeVertex({
    name: wish.label,
    build: request.ref,
    operation: { kind: "local", name: directory, followPaths, excludes, sharedKey },
  });
}

/** The vertex of a context or named context that is a git repository; undefined: it is none. */
export function gitVertex(text: string, name: string, keepGitDirectory = false): Vertex | undefined {
  const git = parseGitReference(text);
  if (git === undefined) return undefined;
  return makeVertex({
    name,
    operation: {
      kind: "git",
      remote: git.remote,
      ref: git.ref === "" ? undefined : git.ref,
      subdirectory: git.subdirectory === "" ? undefined : git.subdirectory,
      keepGitDirectory: keepGitDirectory || git.keepGitDirectory === true,
      checksum: git.checksum === "" ? undefined : git.checksum,
    },
  });
}

/** `unpack`: an archive becomes the directory; a named context stays the file it is. `filename` undefined: the URL's. */
export function httpVertex(
  url: string,
  name: string,
  { unpack, filename }: Pick<HttpSource, "unpack" | "filename">,
): Vertex {
  return makeVertex({
    name,
    operation: {
      kind: "http",
      url,
      checksum: undefined,
      filename,
      mode: undefined,
      uid: undefined,
      gid: undefined,
      unpack,
    },
  });
}

/** Clients hand on what another build of theirs gave in place of a directory. */
function inputOf({ inputs }: BuildRequest, name: string): Vertex | undefined {
  const input = inputs?.get(name);
  return input === undefined ? undefined : inputVertex(name, input);
}

function remoteContext(request: BuildRequest): Vertex | undefined {
  const { options } = request;
  const { context } = options;
  if (context === undefined) return inputOf(request, options.contextDirectory);
  const keep = /^(?:1|t|true)$/i.test(options.buildArguments.get("BUILDKIT_CONTEXT_KEEP_GIT_DIR") ?? "");
  const git = gitVertex(context, `[internal] load git source ${context}`, keep);
  if (git !== undefined) return git;
  return /^https?:\/\//.test(context)
    ? httpVertex(context, "[internal] load remote build context", { unpack: true, filename: DOWNLOADED })
    : undefined;
}

async function readText(
  { host }: Reading,
  filesystem: Filesystem,
  path: string,
  limit: number,
): Promise<string | undefined> {
  const bytes = await host.files.readFile(filesystem, path, limit);
  return bytes === undefined ? undefined : Buffer.from(bytes).toString("utf8");
}

/** `Dockerfile` may also be written small. */
function filenamesOf(filename: string): readonly string[] {
  const slash = filename.lastIndexOf("/") + 1;
  return filename.slice(slash) === "Dockerfile" ? [filename, `${filename.slice(0, slash)}dockerfile`] : [filename];
}

function withFailure(error: unknown, { operation }: Vertex): unknown {
  if (operation.kind === "http") return wrapError(error, "failed to read downloaded context");
  return operation.kind === "git" ? wrapError(error, "failed to read dockerfile") : error;
}

function noDockerfile(filename: string): EngineError {
  const message = `failed to read dockerfile: open ${filename}: no such file or directory`;
  return new EngineError("not_found", ErrorCode.INVALID_DOCKERFILE, message);
}

async function firstText(reading: Reading, files: Filesystem, names: readonly string[]): Promise<string | undefined> {
  for (const name of names) {
    const text = await readText(reading, files, name, MAX_DOCKERFILE);
    if (text !== undefined) return text;
  }
  return undefined;
}

/** Reads the Dockerfile. @throws {not_found} `failed to read dockerfile: …` */
export async function loadMainContext(request: BuildRequest, host: FrontendHost): Promise<MainContext> {
  const reading = { request, host };
  const { options } = request;
  const remote = remoteContext(request);
  const file = inputOf(request, options.dockerfileDirectory);
  const elsewhere = file ?? (options.dockerfileDirectory === "dockerfile" ? remote : undefined);
  const isLocalFile = elsewhere === undefined;
  const names = filenamesOf(options.filename);
  const loaded =
    elsewhere ??
    localVertex(reading, {
      label: `[internal] load build definition from ${options.filename}`,
      directory: options.dockerfileDirectory,
      followPaths: [options.filename, `${options.filename}.dockerignore`, ...names.slice(1)],
      fresh: true,
    });
  const files = await host.solve(loaded).catch((error: unknown) => {
    throw withFailure(error, loaded);
  });
  const text = await firstText(reading, files, names).catch((error: unknown) => {
    throw wrapError(error, "failed to read dockerfile");
  });
  // What was downloaded may be a Dockerfile, not an archive of a context.
  const alone = text === undefined && !isLocalFile ? await firstText(reading, files, [DOWNLOADED]) : undefined;
  const found = text ?? alone;
  if (found === undefined) throw noDockerfile(options.filename);
  const filename = text === undefined ? DOWNLOADED : options.filename;
  const own = await readText(reading, files, `${options.filename}.dockerignore`, MAX_IGNORE_FILE);
  const ignoring = later(async () => rulesOf(remote === undefined ? await excludesOf(reading, own) : []));
  return { filename, text: found, loaded, ignoring, remote };
}

function rulesOf(excludes: readonly string[]): IgnoreRules {
  return { excludes, ignored: excludes.length === 0 ? undefined : createIgnoreMatcher(excludes) };
}

async function excludesOf(reading: Reading, own: string | undefined): Promise<readonly string[]> {
  const { options } = reading.request;
  if (own !== undefined) return parseIgnoreFile(own, `${options.filename}.dockerignore`);
  const files = await reading.host.solve(
    localVertex(reading, {
      label: "[internal] load .dockerignore",
      directory: options.contextDirectory,
      followPaths: [".dockerignore"],
      fresh: true,
    }),
  );
  const text = await readText(reading, files, ".dockerignore", MAX_IGNORE_FILE);
  return text === undefined ? [] : parseIgnoreFile(text, ".dockerignore");
}

export function parseIgnoreFile(text: string, name: string): readonly string[] {
  try {
    return readIgnoreFile(text);
  } catch (error) {
    throw wrapError(error, `failed parsing ${name}`);
  }
}
