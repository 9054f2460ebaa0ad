import { csvFields } from "./csv.ts";
import { parseCount } from "./numbers.ts";

/** One `--network`, short (`web`) or long (`name=web,alias=db,ip=10.0.0.2`). */
export interface NetworkAttachment {
  readonly target: string;
  readonly aliases: readonly string[];
  readonly links: readonly string[];
  readonly linkLocalIps: readonly string[];
  readonly driverOptions: Readonly<Record<string, string>>;
  readonly ip: string;
  readonly ip6: string;
  readonly macAddress: string;
  readonly gatewayPriority: number;
}

const EMPTY: Omit<NetworkAttachment, "target"> = {
  aliases: [],
  links: [],
  linkLocalIps: [],
  driverOptions: {},
  ip: "",
  ip6: "",
  macAddress: "",
  gatewayPriority: 0,
};

/** A network by name alone. */
export function plainAttachment(target: string): NetworkAttachment {
  return { target, ...EMPTY };
}

function driverOption(text: string): readonly [string, string] {
  const at = text.indexOf("=");
  if (at <= 0) throw new Error("invalid key value pair format in driver options");
  return [text.slice(0, at).trim(), text.slice(at + 1).trim()];
}

function priority(text: string): number {
  try {
    return parseCount(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`invalid gw-priority (${text}): ${why}`, { cause: error });
  }
}

type Setter = (attachment: NetworkAttachment, value: string) => NetworkAttachment;

const KEYS: Readonly<Record<string, Setter>> = {
  name: (attachment, target) => ({ ...attachment, target }),
  alias: (attachment, alias) => ({ ...attachment, aliases: [...attachment.aliases, alias] }),
  ip: (attachment, ip) => ({ ...attachment, ip }),
  ip6: (attachment, ip6) => ({ ...attachment, ip6 }),
  "mac-address": (attachment, macAddress) => ({ ...attachment, macAddress }),
  "link-local-ip": (attachment, ip) => ({ ...attachment, linkLocalIps: [...attachment.linkLocalIps, ip] }),
  "driver-opt": (attachment, text) => {
    const [key, value] = driverOption(text);
    return { ...attachment, driverOptions: { ...attachment.driverOptions, [key]: value } };
  },
  "gw-priority": (attachment, text) => ({ ...attachment, gatewayPriority: priority(text) }),
};

/** Docker lowers all of a long form, values too. @throws {Error} in its words. */
export function parseNetworkAttachment(text: string): NetworkAttachment {
  if (!/\w=\w/.test(text)) return plainAttachment(text);
  let attachment = plainAttachment("");
  for (const field of csvFields(text)) {
    const lowered = field.toLowerCase();
    const at = lowered.indexOf("=");
    if (at <= 0) throw new Error(`invalid field ${field}`);
    const key = lowered.slice(0, at).trim();
    const set = Object.hasOwn(KEYS, key) ? KEYS[key] : undefined;
    if (set === undefined) throw new Error(`invalid field key ${key}`);
    attachment = set(attachment, lowered.slice(at + 1).trim());
  }
  if (attachment.target === "") throw new Error("network name/id is not specified");
  return attachment;
}
