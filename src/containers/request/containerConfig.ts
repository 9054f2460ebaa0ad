import { isAbsolute, posix } from "node:path";
import { EngineError, ErrorCode } from "#errors";
import type { ContainerDefaults, HealthConfig } from "#oci";
import type { ContainerCreateRequest } from "../containerService.ts";
import { Fields } from "./fields.ts";
import { mergeHealthcheck } from "./healthcheck.ts";

/** `Config` of inspect: the request over the image's defaults. */
export interface ContainerConfig {
  readonly Hostname: string;
  readonly Domainname: string;
  readonly User: string;
  readonly AttachStdin: boolean;
  readonly AttachStdout: boolean;
  readonly AttachStderr: boolean;
  readonly Tty: boolean;
  readonly OpenStdin: boolean;
  readonly StdinOnce: boolean;
  readonly ExposedPorts?: Readonly<Record<string, object>>;
  readonly Env: readonly string[] | null;
  readonly Cmd: readonly string[] | null;
  /** Of Windows; shown to who sent it. */
  readonly ArgsEscaped?: boolean;
  readonly Image: string;
  readonly Healthcheck?: HealthConfig;
  readonly Volumes: Readonly<Record<string, object>> | null;
  readonly NetworkDisabled?: boolean;
  /** Asked for the endpoint of the container's first network. */
  readonly MacAddress?: string;
  readonly WorkingDir: string;
  readonly Entrypoint: readonly string[] | null;
  readonly OnBuild: readonly string[] | null;
  readonly Labels: Readonly<Record<string, string>>;
  readonly StopSignal?: string;
  readonly StopTimeout?: number;
  readonly Shell?: readonly string[];
}

const nameOf = (variable: string): string => variable.split("=", 1)[0] ?? "";

/** The image's variables, changed in place by the request's; then what only the request has. */
function mergeEnv(image: readonly string[], request: readonly string[]): readonly string[] {
  const requested = new Set(request.map(nameOf));
  return [...request, ...image.filter((variable) => !requested.has(nameOf(variable)))];
}

/** @throws {invalid_argument} for a variable without a name */
function checkEnv(variables: readonly string[]): void {
  const bad = variables.find((variable) => nameOf(variable) === "");
  if (bad === undefined) return;
  throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, `invalid environment variable: ${bad}`);
}

/** An entrypoint of the request's own takes the image's command away with it. */
function mergeCommand(request: Fields, image: ContainerDefaults): Pick<ContainerConfig, "Cmd" | "Entrypoint"> {
  const entrypoint = request.words("Entrypoint") ?? [];
  const command = request.words("Cmd") ?? [];
  if (entrypoint.length > 0) {
    // [""] is how a client says "no entrypoint".
    const none = entrypoint.length === 1 && entrypoint[0] === "";
    return { Entrypoint: none ? null : entrypoint, Cmd: command.length > 0 ? command : null };
  }
  return {
    Entrypoint: image.Entrypoint ?? null,
    Cmd: command.length > 0 ? command : (image.Cmd ?? null),
  };
}

function workingDirectory(requested: string, image: string): string {
  const path = requested === "" ? image : requested;
  if (path === "") return "";
  if (isAbsolute(path)) return posix.normalize(path).replace(/(?<=.)\/$/, "");
  const message = `the working directory '${path}' is invalid, it needs to be an absolute path`;
  throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message);
}

const nonEmpty = <T extends object>(map: T | null | undefined): map is T =>
  map !== undefined && map !== null && Object.keys(map).length > 0;

/** Metadata that has no effect on running; kept because tools read it. */
function carried(fields: Fields, image: ContainerDefaults): Partial<ContainerConfig> {
  const ports = { ...image.ExposedPorts, ...Object(fields.get("ExposedPorts")) };
  const stopSignal = fields.text("StopSignal") || image.StopSignal;
  const stopTimeout = fields.get("StopTimeout") === undefined ? image.StopTimeout : fields.integer("StopTimeout");
  const health = mergeHealthcheck(fields.get("Healthcheck"), image.Healthcheck);
  const shell = fields.words("Shell") ?? image.Shell;
  return {
    ...(nonEmpty(ports) ? { ExposedPorts: ports } : {}),
    ...(health === undefined ? {} : { Healthcheck: health }),
    ...(fields.flag("ArgsEscaped") ? { ArgsEscaped: true } : {}),
    ...(fields.flag("NetworkDisabled") ? { NetworkDisabled: true } : {}),
    ...(stopSignal === undefined ? {} : { StopSignal: stopSignal }),
    ...(stopTimeout === undefined ? {} : { StopTimeout: stopTimeout }),
    ...(shell === undefined ? {} : { Shell: shell }),
  };
}

/**
 * A request over its image's defaults. `hostname` is what the container gets when the request names none.
 * @throws {invalid_argument} `no command specified`, or a working directory that is not absolute.
 */
export function mergeConfig(
  request: ContainerCreateRequest,
  image: ContainerDefaults,
  hostname: string,
): ContainerConfig {
  const fields = new Fields(request, "Config");
  const command = mergeCommand(fields, image);
  if ((command.Entrypoint?.length ?? 0) + (command.Cmd?.length ?? 0) === 0) {
    throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, "no command specified");
  }
  const volumes = { ...image.Volumes, ...Object(fields.get("Volumes")) };
  checkEnv(fields.texts("Env") ?? []);
  const env = mergeEnv(image.Env ?? [], fields.texts("Env") ?? []);
  return {
    Hostname: fields.text("Hostname") || hostname,
    Domainname: fields.text("Domainname"),
    User: fields.text("User") || (image.User ?? ""),
    AttachStdin: fields.flag("AttachStdin"),
    AttachStdout: fields.flag("AttachStdout"),
    AttachStderr: fields.flag("AttachStderr"),
    Tty: fields.flag("Tty"),
    OpenStdin: fields.flag("OpenStdin"),
    StdinOnce: fields.flag("StdinOnce"),
    Env: env.length === 0 ? null : env,
    Cmd: command.Cmd,
    Image: request.Image,
    Volumes: nonEmpty(volumes) ? volumes : null,
    WorkingDir: workingDirectory(fields.text("WorkingDir"), image.WorkingDir ?? ""),
    Entrypoint: command.Entrypoint,
    // The image's are for builds from it: they are not the container's.
    OnBuild: fields.texts("OnBuild") ?? null,
    Labels: { ...image.Labels, ...fields.textMap("Labels") },
    ...carried(fields, image),
  };
}

/** What the config makes process 1 of: `Path` and `Args` of inspect. */
export function commandOf(config: ContainerConfig): readonly [path: string, ...args: string[]] {
  const [path = "", ...args] = [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])];
  return [path, ...args];
}
