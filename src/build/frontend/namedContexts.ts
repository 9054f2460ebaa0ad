import { EngineError, ErrorCode } from "#errors";
import { familiarReference, formatPlatform, parseReference, withDefaultTag } from "#oci";
import type { ImageConfig, Platform } from "#oci";
import type { Vertex } from "../graph/vertex.ts";
import type { BuildRequest } from "../request.ts";
import type { FrontendHost } from "./frontendHost.ts";
import type { FrontendImages } from "./frontendImages.ts";
import { later } from "./later.ts";
import type { Later } from "./later.ts";
import { inputConfig, inputVertex } from "./inputContext.ts";
import { gitVertex, httpVertex, localVertex, parseIgnoreFile } from "./mainContext.ts";
import { makeVertex, SCRATCH } from "./vertices.ts";

const MAX_IGNORE_FILE = 4 << 20;

/** What `--build-context NAME=…` stands for. */
export interface NamedContext {
  readonly vertex: Later<Vertex>;
  /** undefined: no image, just files. */
  readonly config: ImageConfig | undefined;
}

interface Wanted {
  readonly name: string;
  /** With `::platform` where one was given. */
  readonly label: string;
  readonly text: string;
  readonly platform: Platform;
  /** Paths that are read of it; looked at when the plan is done. */
  readonly paths: () => readonly string[] | undefined;
}

function refused(message: string): EngineError {
  return new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message);
}

/** Contexts that stand in for stages and images. */
export class NamedContexts {
  readonly #request: BuildRequest;
  readonly #host: FrontendHost;
  readonly #images: FrontendImages;

  constructor(request: BuildRequest, host: FrontendHost, images: FrontendImages) {
    this.#request = request;
    this.#host = host;
    this.#images = images;
  }

  /** The context of that name, for a platform if one is given so; undefined: there is none. */
  async find(name: string, platform: Platform, paths: Wanted["paths"]): Promise<NamedContext | undefined> {
    const given = this.#given(name, platform);
    return given === undefined ? undefined : this.#load({ ...given, platform, paths });
  }

  has(name: string, platform: Platform): boolean {
    return this.#given(name, platform) !== undefined;
  }

  #given(name: string, platform: Platform): Pick<Wanted, "name" | "label" | "text"> | undefined {
    if (/^(?:scratch|context)$/i.test(name)) return undefined;
    const plain = plainName(name);
    for (const label of [`${plain}::${formatPlatform(platform)}`, plain]) {
      const text = this.#request.options.namedContexts.get(label);
      if (text !== undefined) return { name: plain, label, text };
    }
    return undefined;
  }

  async #load(wanted: Wanted): Promise<NamedContext> {
    const { text, label } = wanted;
    const colon = text.indexOf(":");
    if (colon < 0) throw refused(`invalid context specifier ${text} for ${label}`);
    const kind = text.startsWith("git@") ? "git" : text.slice(0, colon);
    const rest = text.slice(colon + 1);
    switch (kind) {
      case "docker-image":
        return this.#image(wanted, rest.replace(/^\/\//, ""));
      case "oci-layout":
        return this.#layout(wanted, rest.replace(/^\/\//, ""));
      case "git":
      case "http":
      case "https":
        return remoteFiles(text, label);
      case "local":
        return this.#directory(wanted, rest);
      case "input":
        return this.#input(wanted, rest);
      default:
        throw refused(`unsupported context source ${kind} for ${label}`);
    }
  }

  async #image({ label, platform }: Wanted, name: string): Promise<NamedContext> {
    if (name === "scratch") return { vertex: () => SCRATCH, config: undefined };
    const reference = withDefaultTag(parseReference(name));
    const taskName = `[context ${label}] load metadata for ${name}`;
    const { source, config } = await this.#images.resolve({ reference, platform, taskName });
    const vertex = makeVertex({ name: `[context ${label}] ${name}`, operation: source });
    return { vertex: () => vertex, config };
  }

  async #layout({ name, label, platform }: Wanted, text: string): Promise<NamedContext> {
    const at = text.indexOf("@");
    const digest = at < 0 ? "" : text.slice(at + 1);
    if (at < 0) throw refused(`oci-layout reference "${text}" has no digest`);
    const store = text.slice(0, at).replace(/:[^/:]*$/, "");
    const reference = parseReference(`${name.replace(/[:@].*$/, "")}@${digest}`);
    const taskName = `[context ${label}] load metadata for ${name}@${digest}`;
    const { source, config } = await this.#images.resolve({ reference, platform, taskName, ociLayout: store });
    const vertex = makeVertex({ name: `[context ${label}] OCI load from client`, operation: source });
    return { vertex: () => vertex, config };
  }

  #input({ label }: Wanted, key: string): NamedContext {
    const input = this.#request.inputs?.get(key);
    if (input === undefined) throw refused(`invalid input ${key} for ${label}`);
    const vertex = inputVertex(label, input);
    return { vertex: () => vertex, config: inputConfig(input) };
  }

  async #directory({ label, paths }: Wanted, directory: string): Promise<NamedContext> {
    const reading = { request: this.#request, host: this.#host };
    const key = this.#request.options.sharedKeys.get(label) ?? "";
    const files = await this.#host.solve(
      localVertex(reading, {
        label: `[context ${label}] load .dockerignore`,
        directory,
        followPaths: [".dockerignore"],
        sharedKey: `context:${label}-.dockerignore`,
      }),
    );
    const bytes = await this.#host.files.readFile(files, ".dockerignore", MAX_IGNORE_FILE);
    const excludes = bytes === undefined ? [] : parseIgnoreFile(Buffer.from(bytes).toString("utf8"), ".dockerignore");
    const vertex = later(() => {
      const followPaths = paths();
      return localVertex(reading, {
        label: `[context ${label}] load from client`,
        directory,
        excludes,
        sharedKey: `context:${label}-${key}`,
        ...(followPaths === undefined ? {} : { followPaths }),
      });
    });
    return { vertex, config: undefined };
  }
}

/** As clients write the keys: familiar, without `:latest`. */
function plainName(name: string): string {
  try {
    return familiarReference(parseReference(name)).replace(/:latest$/, "");
  } catch {
    throw refused(`invalid context name ${name}`);
  }
}

function remoteFiles(text: string, label: string): NamedContext {
  const vertex =
    gitVertex(text, `[internal] load git source ${text}`) ??
    httpVertex(text, `[context ${label}] ${text}`, { unpack: false, filename: undefined });
  return { vertex: () => vertex, config: undefined };
}

/** Paths of a set as a local source follows them; undefined: all. */
export function followPathsOf(paths: ReadonlySet<string>): readonly string[] | undefined {
  if (paths.size === 0 || paths.has("/")) return undefined;
  return [...paths].map((path) => path.replace(/^\/+/, "")).sort();
}
