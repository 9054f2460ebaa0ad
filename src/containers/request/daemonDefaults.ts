import type { ContainerCreateRequest } from "../containerService.ts";
import { checkLogConfig } from "../output/logDriver.ts";
import type { LogConfig } from "../output/logDriver.ts";

/** What containers get that say nothing of it; the daemon's own options. */
export interface ContainerDefaults {
  /** Its options hold for its driver only. */
  readonly logConfig: LogConfig;
  /** Fields of `HostConfig` as a request would give them. */
  readonly hostConfig: Readonly<Record<string, string | number | boolean>>;
  readonly noNewPrivileges: boolean;
}

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** @throws {invalid_argument} in Docker's words for a driver or an option that there is not */
export function checkDefaults({ logConfig }: ContainerDefaults): void {
  checkLogConfig(logConfig);
}

function logOf(asked: unknown, { Type, Config }: LogConfig): unknown {
  if (asked !== undefined && asked !== null && !isObject(asked)) return asked;
  const type = asked?.["Type"] ?? "";
  const own = asked?.["Config"] ?? {};
  if (type !== "" && type !== Type) return asked;
  return { Type, Config: isObject(own) ? { ...Config, ...own } : own };
}

function securityOf(asked: unknown): unknown {
  if (asked !== undefined && asked !== null && !Array.isArray(asked)) return asked;
  const options: readonly unknown[] = asked ?? [];
  const isSaid = options.some((option) => /^no-new-privileges(?:[:=]|$)/.test(String(option)));
  return isSaid ? options : [...options, "no-new-privileges"];
}

/** A request with the daemon's defaults in it; what is of a wrong type stays for those who tell. */
export function withDefaults(
  request: ContainerCreateRequest,
  { logConfig, hostConfig, noNewPrivileges }: ContainerDefaults,
): ContainerCreateRequest {
  const asked: unknown = request.HostConfig ?? {};
  if (!isObject(asked)) return request;
  const unsaid = Object.entries(hostConfig).filter(([name]) =>
    ["", 0, undefined, null].some((no) => asked[name] === no),
  );
  return {
    ...request,
    HostConfig: {
      ...asked,
      ...Object.fromEntries(unsaid),
      LogConfig: logOf(asked["LogConfig"], logConfig),
      ...(noNewPrivileges ? { SecurityOpt: securityOf(asked["SecurityOpt"]) } : {}),
    },
  };
}
