import type { EngineConfig } from "#engine";
import { EngineError, ErrorCode } from "#errors";

/** Defaults of containers, in Docker's spelling. */
export const CONTAINER_SETTINGS = {
  logDriver: {
    kind: "text",
    flag: "log-driver",
    key: "log-driver",
    help: 'Log driver of containers that name none (default "json-file")',
  },
  logOptions: { kind: "pairs", flag: "log-opt", key: "log-opts", help: "Option of that driver, max-size=10m" },
  defaultRuntime: {
    kind: "text",
    flag: "default-runtime",
    key: "default-runtime",
    help: "crun or runc (default: crun where it can run)",
  },
  shmSize: {
    kind: "size",
    flag: "default-shm-size",
    key: "default-shm-size",
    help: "Size of /dev/shm (default 64MiB)",
  },
  ipcMode: {
    kind: "text",
    flag: "default-ipc-mode",
    key: "default-ipc-mode",
    help: 'private or shareable (default "private")',
  },
  cgroupnsMode: {
    kind: "text",
    flag: "default-cgroupns-mode",
    key: "default-cgroupns-mode",
    help: "host or private (default: private on cgroup v2)",
  },
  cgroupParent: { kind: "text", flag: "cgroup-parent", key: "cgroup-parent", help: "Parent cgroup of containers" },
  init: { kind: "flag", flag: "init", key: "init", help: "Run an init in containers, to forward signals and reap" },
  noNewPrivileges: {
    kind: "flag",
    flag: "no-new-privileges",
    key: "no-new-privileges",
    help: "Containers gain no privileges by what they execute",
  },
} as const;

type ContainerSetting = keyof typeof CONTAINER_SETTINGS;

const UNITS = "bkmgt";
const STEP = 1024;

const bad = (message: string): EngineError => new EngineError("invalid_argument", ErrorCode.INVALID_FLAG, message);

/** `64m`, `1g`, `67108864`. @throws {invalid_argument} INVALID_FLAG */
function bytesOf(text: string): number {
  const [, number = "", unit = "b"] = /^(\d+(?:\.\d+)?) ?(?:([bkmgt])(?:i?b)?)?$/i.exec(text) ?? [];
  if (number === "") throw bad(`invalid size: '${text}'`);
  return Math.trunc(Number(number) * STEP ** UNITS.indexOf(unit.toLowerCase()));
}

/** `key=value` each. @throws {invalid_argument} INVALID_FLAG */
function pairsOf(texts: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    texts.map((text): readonly [string, string] => {
      const [key = "", value] = text.split(/=(.*)/s, 2);
      if (value === undefined) throw bad(`invalid key=value pair: ${text}`);
      return [key, value];
    }),
  );
}

function chosen(name: string, value: string, known: readonly string[]): string {
  if (value === "" || known.includes(value)) return value;
  throw bad(`${name} value invalid: ${value}`);
}

/** What was given of containers. @throws {invalid_argument} INVALID_FLAG */
export function toContainerDefaults(
  given: Readonly<Partial<Record<ContainerSetting, unknown>>>,
): NonNullable<EngineConfig["containers"]> {
  const text = (name: ContainerSetting): string => {
    const value = given[name];
    return typeof value === "string" ? value : "";
  };
  const ipc = chosen("IPC mode", text("ipcMode"), ["private", "shareable"]);
  const cgroupns = chosen("cgroup namespace mode", text("cgroupnsMode"), ["host", "private"]);
  const size = text("shmSize");
  const runtime = text("defaultRuntime");
  if (!["", "crun", "runc", "io.containerd.runc.v2"].includes(runtime))
    throw bad(`specified default runtime '${runtime}' does not exist`);
  return {
    logConfig: {
      Type: text("logDriver") || "json-file",
      Config: pairsOf(Array.isArray(given.logOptions) ? given.logOptions.map(String) : []),
    },
    hostConfig: {
      ...(size === "" ? {} : { ShmSize: bytesOf(size) }),
      ...(ipc === "" ? {} : { IpcMode: ipc }),
      ...(cgroupns === "" ? {} : { CgroupnsMode: cgroupns }),
      ...(text("cgroupParent") === "" ? {} : { CgroupParent: text("cgroupParent") }),
      ...(given.init === true ? { Init: true } : {}),
      ...(runtime === "" ? {} : { Runtime: runtime }),
    },
    noNewPrivileges: given.noNewPrivileges === true,
  };
}
