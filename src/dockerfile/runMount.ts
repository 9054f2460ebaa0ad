import { goQuote, parseGoBoolean } from "#gotext";
import { csvFields } from "./csv.ts";
import { invalidDockerfile } from "./dockerfileError.ts";
import type { CacheSharing, MountType, RunDevice, RunMount } from "./instruction.ts";
import { suggest, withSuggestion } from "./suggest.ts";

const TYPES: readonly MountType[] = ["bind", "cache", "tmpfs", "secret", "ssh"];
const SHARINGS: readonly CacheSharing[] = ["shared", "private", "locked"];
const KEYS = [
  ..."type from source target readonly id sharing required size mode uid gid src dst destination ro rw".split(" "),
  ..."readwrite env".split(" "),
];
const MAX_UINT32 = 0xffff_ffff;

type Expand = (word: string) => string;

interface Draft {
  type: MountType;
  from: string;
  source: string;
  target: string;
  readOnly: boolean | undefined;
  sizeLimit: number;
  id: string;
  sharing: CacheSharing | "";
  required: boolean;
  env: string | undefined;
  mode: number | undefined;
  uid: number | undefined;
  gid: number | undefined;
}

/** `10m`, `1.5gb`; undefined where it is no size. Units are powers of 1024. */
function parseBytes(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)*) ?([kmgtp])?i?b?$/i.exec(text);
  const count = Number(match?.[1] ?? Number.NaN);
  if (Number.isNaN(count)) return undefined;
  const power = match?.[2] === undefined ? 0 : "kmgtp".indexOf(match[2].toLowerCase()) + 1;
  return Math.trunc(count * 1024 ** power);
}

function parseNumber(key: string, text: string): number {
  const base = key === "mode" ? 8 : 10;
  const valid = (base === 8 ? /^[0-7]+$/ : /^[0-9]+$/).test(text);
  const value = valid ? Number.parseInt(text, base) : Number.NaN;
  if (!(value <= MAX_UINT32)) throw invalidDockerfile(`invalid value ${text} for ${key}`);
  return value;
}

function parseFlag(key: string, value: string): boolean {
  const parsed = parseGoBoolean(value);
  if (parsed === undefined) throw invalidDockerfile(`invalid value for ${key}: ${value}`);
  return parsed;
}

function parseType(value: string): MountType {
  const type = TYPES.find((known) => known === value.toLowerCase());
  if (type !== undefined) return type;
  throw invalidDockerfile(withSuggestion(`unsupported mount type ${goQuote(value)}`, suggest(value, TYPES)));
}

function parseSharing(value: string): CacheSharing {
  const sharing = SHARINGS.find((known) => known === value.toLowerCase());
  if (sharing !== undefined) return sharing;
  throw invalidDockerfile(withSuggestion(`unsupported sharing value ${goQuote(value)}`, suggest(value, SHARINGS)));
}

/** A key is of these types of mounts only. */
function only(draft: Draft, key: string, ...types: readonly MountType[]): void {
  if (!types.includes(draft.type)) {
    throw invalidDockerfile(`unexpected key '${key}' for mount type '${draft.type}'`);
  }
}

/** A key without a value. */
function setBare(draft: Draft, key: string, field: string): void {
  if (key === "readonly" || key === "ro") draft.readOnly = true;
  else if (key === "readwrite" || key === "rw") draft.readOnly = false;
  else if (key === "required") {
    only(draft, key, "secret", "ssh");
    draft.required = true;
  } else throw invalidDockerfile(`invalid field '${field}' must be a key=value pair`);
}

type Setter = (draft: Draft, value: string, key: string) => void;

const setTarget: Setter = (draft, value) => {
  draft.target = value;
};
const setSource: Setter = (draft, value) => {
  draft.source = value;
};
const setReadOnly: Setter = (draft, value, key) => {
  draft.readOnly = parseFlag(key, value);
};
const setReadWrite: Setter = (draft, value, key) => {
  draft.readOnly = !parseFlag(key, value);
};

const SETTERS: Readonly<Record<string, Setter>> = {
  type: (draft, value) => {
    draft.type = parseType(value);
  },
  from: (draft, value) => {
    draft.from = value;
  },
  source: setSource,
  src: setSource,
  target: setTarget,
  dst: setTarget,
  destination: setTarget,
  readonly: setReadOnly,
  ro: setReadOnly,
  readwrite: setReadWrite,
  rw: setReadWrite,
  required: (draft, value, key) => {
    only(draft, key, "secret", "ssh");
    draft.required = parseFlag(key, value);
  },
  size: (draft, value, key) => {
    only(draft, key, "tmpfs");
    const bytes = parseBytes(value);
    if (bytes === undefined) throw invalidDockerfile(`invalid value for ${key}: ${value}`);
    draft.sizeLimit = bytes;
  },
  id: (draft, value) => {
    draft.id = value;
  },
  sharing: (draft, value) => {
    draft.sharing = parseSharing(value);
  },
  mode: (draft, value, key) => {
    draft.mode = parseNumber(key, value);
  },
  uid: (draft, value, key) => {
    draft.uid = parseNumber(key, value);
  },
  gid: (draft, value, key) => {
    draft.gid = parseNumber(key, value);
  },
  env: (draft, value) => {
    draft.env = value;
  },
};

function set(draft: Draft, key: string, value: string, field: string): void {
  const setter = Object.hasOwn(SETTERS, key) ? SETTERS[key] : undefined;
  if (setter === undefined) {
    throw invalidDockerfile(withSuggestion(`unexpected key '${key}' in '${field}'`, suggest(key, KEYS)));
  }
  setter(draft, value, key);
}

function checkFileInfo(draft: Draft): void {
  if (draft.type === "secret" || draft.type === "ssh" || draft.type === "cache") return;
  for (const key of ["mode", "uid", "gid"] as const) {
    if (draft[key] !== undefined) throw invalidDockerfile(`${key} not allowed for "${draft.type}" type mounts`);
  }
}

function checkSecret(draft: Draft): void {
  if (draft.type !== "secret") return;
  if (draft.from !== "") throw invalidDockerfile("secret mount should not have a from");
  if (draft.sharing !== "") throw invalidDockerfile("secret mount should not define sharing");
  if (draft.source === "" && draft.target === "" && draft.id === "") {
    throw invalidDockerfile("invalid secret mount. one of source, target required");
  }
  if (draft.source !== "" && draft.id !== "") throw invalidDockerfile("both source and id can't be set");
}

function finish(draft: Draft): RunMount {
  checkFileInfo(draft);
  checkSecret(draft);
  if (draft.sharing !== "" && draft.type !== "cache") {
    throw invalidDockerfile(`invalid cache sharing set for ${draft.type} mount`);
  }
  const { env, mode, uid, gid, readOnly, ...plain } = draft;
  return {
    ...plain,
    readOnly: readOnly ?? (draft.type !== "cache" && draft.type !== "tmpfs"),
    ...(env === undefined ? {} : { env }),
    ...(mode === undefined ? {} : { mode }),
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
  };
}

/** Reads `--mount`. Without `expand` only `from` is read (and checked): the rest may hold variables. */
export function parseMount(text: string, expand?: Expand): RunMount {
  const draft: Draft = {
    type: "bind",
    from: "",
    source: "",
    target: "",
    readOnly: undefined,
    sizeLimit: 0,
    id: "",
    sharing: "",
    required: false,
    env: undefined,
    mode: undefined,
    uid: undefined,
    gid: undefined,
  };
  for (const field of csvFields(text, "mounts")) {
    const at = field.indexOf("=");
    const key = (at < 0 ? field : field.slice(0, at)).toLowerCase();
    const value = at < 0 ? undefined : field.slice(at + 1);
    if (expand !== undefined) {
      if (value === undefined) setBare(draft, key, field);
      else set(draft, key, expand(value), field);
    } else if (key === "from" && value !== undefined) {
      const dollar = value.indexOf("$");
      if (dollar >= 0 && dollar !== value.length - 1) {
        throw invalidDockerfile(`'${key}' doesn't support variable expansion, define alias stage instead`);
      }
      draft.from = value;
    }
  }
  return finish(draft);
}

/** Reads `--device`. */
export function parseDevice(text: string): RunDevice {
  let name = "";
  let required = false;
  for (const field of csvFields(text, "devices")) {
    const at = field.indexOf("=");
    const key = (at < 0 ? field : field.slice(0, at)).toLowerCase();
    const value = at < 0 ? undefined : field.slice(at + 1);
    if (key === "required") required = value === undefined || parseFlag(key, value);
    else if (key === "name" && value !== undefined) {
      if (name !== "") throw invalidDockerfile(`device name already set to ${name}`);
      name = value;
    } else if (name === "") name = field;
    else if (value === undefined) throw invalidDockerfile(`invalid field '${field}' must be a key=value pair`);
    else {
      const meant = suggest(key, ["name", "required"]);
      throw invalidDockerfile(withSuggestion(`unexpected key '${key}' in '${field}'`, meant));
    }
  }
  return { name, required };
}
