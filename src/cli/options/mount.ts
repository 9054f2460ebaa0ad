import { isAbsolute, resolve } from "node:path";
import { csvFields } from "./csv.ts";
import { parseBoolean, parseOctal } from "./numbers.ts";
import { parseBytes } from "./sizes.ts";

/** One entry of HostConfig.Mounts; absent is the zero value, as Go leaves it out. */
export interface MountSpec {
  Type?: string;
  Source?: string;
  Target?: string;
  ReadOnly?: true;
  Consistency?: string;
  BindOptions?: {
    Propagation?: string;
    NonRecursive?: true;
    ReadOnlyNonRecursive?: true;
    ReadOnlyForceRecursive?: true;
  };
  VolumeOptions?: {
    NoCopy?: true;
    Labels?: Record<string, string>;
    Subpath?: string;
    DriverConfig: { Name?: string; Options?: Record<string, string> };
  };
  ImageOptions?: { Subpath?: string };
  TmpfsOptions?: { SizeBytes?: number; Mode?: number };
}

interface Draft {
  readonly mount: MountSpec;
  readonly labels: Record<string, string>;
  readonly driverOptions: Record<string, string>;
}

const bind = ({ mount }: Draft): NonNullable<MountSpec["BindOptions"]> => (mount.BindOptions ??= {});
const tmpfs = ({ mount }: Draft): NonNullable<MountSpec["TmpfsOptions"]> => (mount.TmpfsOptions ??= {});
const image = ({ mount }: Draft): NonNullable<MountSpec["ImageOptions"]> => (mount.ImageOptions ??= {});
const volume = ({ mount }: Draft): NonNullable<MountSpec["VolumeOptions"]> =>
  (mount.VolumeOptions ??= { DriverConfig: {} });

/** Sets the key when the value is not Go's zero value, so that JSON leaves it out as Go does. */
function put<T extends object, K extends keyof T>(target: T, key: K, value: T[K] | "" | 0 | false): void {
  if (value === "" || value === 0 || value === false) delete target[key];
  else target[key] = value;
}

function booleanOf(key: string, value: string): boolean {
  try {
    return parseBoolean(value);
  } catch (cause) {
    throw new Error(`invalid value for ${key}: ${value}`, { cause });
  }
}

function numberOf(key: string, value: string, parse: (text: string) => number): number {
  try {
    return parse(value);
  } catch (cause) {
    throw new Error(`invalid value for ${key}: ${value}`, { cause });
  }
}

/** `.` and `./x` are below our working directory; a bare name is a volume. */
function absoluteSource(source: string): string {
  return !isAbsolute(source) && source.startsWith(".") ? resolve(source) : source;
}

function addPair(target: Record<string, string>, text: string): void {
  const at = text.indexOf("=");
  const key = at < 0 ? text : text.slice(0, at);
  if (key !== "") target[key] = at < 0 ? "" : text.slice(at + 1);
}

const RECURSIVE: Readonly<Record<string, (draft: Draft) => void>> = {
  enabled: () => undefined,
  disabled: (draft) => put(bind(draft), "NonRecursive", true),
  writable: (draft) => put(bind(draft), "ReadOnlyNonRecursive", true),
  readonly: (draft) => put(bind(draft), "ReadOnlyForceRecursive", true),
};

function setRecursive(draft: Draft, value: string): void {
  const set = Object.hasOwn(RECURSIVE, value) ? RECURSIVE[value] : undefined;
  if (set === undefined) {
    throw new Error(
      `invalid value for bind-recursive: ${value} (must be "enabled", "disabled", "writable", or "readonly")`,
    );
  }
  set(draft);
}

type Setter = (draft: Draft, value: string, key: string) => void;

const source: Setter = ({ mount }, value) => put(mount, "Source", absoluteSource(value));
const target: Setter = ({ mount }, value) => put(mount, "Target", value);
const readOnly: Setter = ({ mount }, value, key) => put(mount, "ReadOnly", booleanOf(key, value));

const KEYS: Readonly<Record<string, Setter>> = {
  type: ({ mount }, value) => {
    mount.Type = value.toLowerCase();
  },
  source,
  src: source,
  target,
  dst: target,
  destination: target,
  readonly: readOnly,
  ro: readOnly,
  consistency: ({ mount }, value) => put(mount, "Consistency", value.toLowerCase()),
  "bind-propagation": (draft, value) => put(bind(draft), "Propagation", value.toLowerCase()),
  "bind-nonrecursive": (draft, value, key) => {
    put(bind(draft), "NonRecursive", booleanOf(key, value));
    process.stderr.write("bind-nonrecursive is deprecated, use bind-recursive=disabled instead\n");
  },
  "bind-recursive": setRecursive,
  "volume-subpath": (draft, value) => put(volume(draft), "Subpath", value),
  "volume-nocopy": (draft, value, key) => put(volume(draft), "NoCopy", booleanOf(key, value)),
  "volume-label": (draft, value) => {
    volume(draft);
    addPair(draft.labels, value);
  },
  "volume-driver": (draft, value) => put(volume(draft).DriverConfig, "Name", value),
  "volume-opt": (draft, value) => {
    volume(draft);
    addPair(draft.driverOptions, value);
  },
  "image-subpath": (draft, value) => put(image(draft), "Subpath", value),
  "tmpfs-size": (draft, value, key) => put(tmpfs(draft), "SizeBytes", numberOf(key, value, parseBytes)),
  "tmpfs-mode": (draft, value, key) => put(tmpfs(draft), "Mode", numberOf(key, value, parseOctal)),
};

const SWITCHES: Readonly<Record<string, (draft: Draft) => void>> = {
  readonly: ({ mount }) => put(mount, "ReadOnly", true),
  ro: ({ mount }) => put(mount, "ReadOnly", true),
  "volume-nocopy": (draft) => put(volume(draft), "NoCopy", true),
  "bind-nonrecursive": (draft) => put(bind(draft), "NonRecursive", true),
};

function setField(draft: Draft, field: string): void {
  const at = field.indexOf("=");
  const key = (at < 0 ? field : field.slice(0, at)).toLowerCase();
  if (at < 0) {
    const turnOn = Object.hasOwn(SWITCHES, key) ? SWITCHES[key] : undefined;
    if (turnOn === undefined) throw new Error(`invalid field '${field}' must be a key=value pair`);
    return turnOn(draft);
  }
  const set = Object.hasOwn(KEYS, key) ? KEYS[key] : undefined;
  if (set === undefined) throw new Error(`unexpected key '${key}' in '${field}'`);
  set(draft, field.slice(at + 1), key);
}

function checkMix(mount: MountSpec): void {
  const owners = [
    ["volume", mount.VolumeOptions],
    ["image", mount.ImageOptions],
    ["bind", mount.BindOptions],
    ["tmpfs", mount.TmpfsOptions],
  ] as const;
  for (const [type, options] of owners) {
    if (options !== undefined && mount.Type !== type) {
      throw new Error(`cannot mix '${type}-*' options with mount type '${mount.Type ?? ""}'`);
    }
  }
}

function checkRecursion({ BindOptions: options, ReadOnly: readOnly }: MountSpec): void {
  if (options?.ReadOnlyNonRecursive === true && readOnly !== true) {
    throw new Error("option 'bind-recursive=writable' requires 'readonly' to be specified in conjunction");
  }
  if (options?.ReadOnlyForceRecursive !== true) return;
  if (readOnly !== true) {
    throw new Error("option 'bind-recursive=readonly' requires 'readonly' to be specified in conjunction");
  }
  if (options.Propagation !== "rprivate") {
    throw new Error(
      "option 'bind-recursive=readonly' requires 'bind-propagation=rprivate' to be specified in conjunction",
    );
  }
}

/** `--mount type=bind,source=…,target=…,readonly` → an entry of Mounts. @throws {Error} in Docker's words. */
export function parseMount(text: string): MountSpec {
  const draft: Draft = { mount: { Type: "volume" }, labels: {}, driverOptions: {} };
  const { mount } = draft;
  for (const field of csvFields(text)) setField(draft, field);
  if (mount.Type === "") throw new Error("type is required");
  if (mount.Target === undefined) throw new Error("target is required");
  checkMix(mount);
  checkRecursion(mount);
  const options = mount.VolumeOptions;
  if (options !== undefined && Object.keys(draft.labels).length > 0) options.Labels = draft.labels;
  if (options !== undefined && Object.keys(draft.driverOptions).length > 0) {
    options.DriverConfig.Options = draft.driverOptions;
  }
  return mount;
}
