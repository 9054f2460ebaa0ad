import { readKeyValueFile, toMap } from "./keyValues.ts";
import type { ContainerFlagValues } from "./containerFlags.ts";
import { healthcheck } from "./healthFlags.ts";
import { checkMacAddress, networkSettings, portsOf } from "./networkFlags.ts";
import type { Endpoint } from "./networking.ts";
import type { Ports } from "./ports.ts";
import { resources } from "./resourceFlags.ts";
import { parseRestartPolicy } from "./restartPolicy.ts";
import type { RestartPolicy } from "./restartPolicy.ts";
import { securitySettings } from "./securityFlags.ts";
import { storageSettings, volumesOf } from "./storageFlags.ts";
import type { Volumes } from "./volumes.ts";

type Wire = Readonly<Record<string, unknown>>;

/** Which streams the client takes part in. */
export interface Streams {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

/** A command line of `run` or `create`. */
export interface ContainerCall {
  readonly flags: ContainerFlagValues;
  readonly given: ReadonlySet<string>;
  readonly args: readonly string[];
  /** `proxies` of config.json for this engine, as variables. */
  readonly proxies: Readonly<Record<string, string>>;
  /** Rows and columns of our terminal, zeros without one. */
  readonly consoleSize: readonly [number, number];
}

/** The body of `POST /containers/create`. */
export interface CreateBody extends Wire {
  readonly Image: string;
  readonly Tty: boolean;
  readonly HostConfig: HostConfigBody;
  readonly NetworkingConfig: { readonly EndpointsConfig: Readonly<Record<string, Endpoint>> };
}

/** HostConfig as it is sent. */
export interface HostConfigBody extends Wire {
  readonly AutoRemove: boolean;
}

/** What to attach: what `-a` names, else output; `-i` adds input. */
export function streamsOf(flags: Pick<ContainerFlagValues, "attach" | "interactive">): Streams {
  const isNamed = flags.attach.length > 0;
  const has = (name: string): boolean => flags.attach.includes(name);
  return {
    stdin: has("stdin") || flags.interactive,
    stdout: !isNamed || has("stdout"),
    stderr: !isNamed || has("stderr"),
  };
}

/** Later values of a name replace earlier ones; proxies fill in what nobody set. */
function variables(call: ContainerCall): readonly string[] | null {
  const own = new Map<string, string>();
  for (const text of call.flags.env) own.set(text.split("=", 1)[0] ?? "", text);
  for (const [name, value] of Object.entries(call.proxies)) if (!own.has(name)) own.set(name, `${name}=${value}`);
  const lookup = (name: string): string | undefined => process.env[name];
  const all = [...call.flags["env-file"].flatMap((path) => readKeyValueFile(path, lookup)), ...own.values()];
  return all.length === 0 ? null : all;
}

function labels(flags: ContainerFlagValues): Readonly<Record<string, string>> {
  const filed = flags["label-file"].flatMap((path) => readKeyValueFile(path, () => undefined));
  return toMap([...filed, ...flags.label]);
}

function entrypoint(call: ContainerCall): readonly string[] | null {
  return call.given.has("entrypoint") ? [call.flags.entrypoint] : null;
}

function containerConfig(
  call: ContainerCall,
  streams: Streams | undefined,
  parts: { readonly ports: Ports; readonly volumes: Volumes },
): Wire & { readonly Image: string; readonly Tty: boolean } {
  const { flags, given } = call;
  const [Image = "", ...command] = call.args;
  const health = healthcheck(flags);
  const exposed = parts.ports.exposed;
  return {
    Hostname: flags.hostname,
    Domainname: flags.domainname,
    User: flags.user,
    AttachStdin: streams?.stdin ?? false,
    AttachStdout: streams?.stdout ?? false,
    AttachStderr: streams?.stderr ?? false,
    ...(Object.keys(exposed).length === 0 ? {} : { ExposedPorts: exposed }),
    Tty: flags.tty,
    OpenStdin: flags.interactive,
    StdinOnce: flags.interactive && streams?.stdin === true,
    Env: variables(call),
    Cmd: command.length === 0 ? null : command,
    ...(health === undefined ? {} : { Healthcheck: health }),
    Image,
    Volumes: parts.volumes.anonymous,
    WorkingDir: flags.workdir,
    Entrypoint: entrypoint(call),
    OnBuild: null,
    Labels: labels(flags),
    ...(flags["stop-signal"] === "" ? {} : { StopSignal: flags["stop-signal"] }),
    ...(given.has("stop-timeout") ? { StopTimeout: flags["stop-timeout"] } : {}),
  };
}

function restartPolicy(flags: ContainerFlagValues): RestartPolicy {
  const policy = parseRestartPolicy(flags.restart);
  if (flags.rm && !["", "no"].includes(policy.Name)) {
    throw new Error("conflicting options: cannot specify both --restart and --rm");
  }
  return policy;
}

/**
 * The body of `POST /containers/create` as Docker's client writes it: zero values stand, what it marks `omitempty` does
 * not. `streams` undefined: detached. @throws {Error} in Docker's words about a value that cannot be.
 */
export function createBody(call: ContainerCall, streams: Streams | undefined): CreateBody {
  const { flags, given } = call;
  checkMacAddress(flags);
  const limits = resources(flags);
  const volumes = volumesOf(flags);
  const ports = portsOf(flags);
  const security = securitySettings(flags);
  const RestartPolicy = restartPolicy(flags);
  const storage = storageSettings(flags, volumes);
  const config = containerConfig(call, streams, { ports, volumes });
  const network = networkSettings(flags, ports);
  return {
    ...config,
    HostConfig: {
      ...storage,
      ContainerIDFile: flags.cidfile,
      RestartPolicy,
      AutoRemove: flags.rm,
      ConsoleSize: call.consoleSize,
      ...security,
      ...network.hostConfig,
      ...limits,
      ...(given.has("init") ? { Init: flags.init } : {}),
    },
    NetworkingConfig: { EndpointsConfig: network.endpoints },
  };
}
