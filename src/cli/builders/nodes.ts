import { formatPlatform, parsePlatform } from "#oci";
import type { Platform } from "#oci";
import { csvFields } from "../options/csv.ts";
import type { BuilderRecord, NodeRecord } from "./builderStore.ts";
import { checkBuilderName } from "./builderStore.ts";

/** What `buildx create` says of a node. */
export interface NodeWish {
  /** Empty: the next one. */
  readonly name: string;
  readonly endpoint: string;
  /** Whether the user named the endpoint. */
  readonly isEndpointGiven: boolean;
  readonly append: boolean;
  readonly platforms: readonly string[];
  readonly driverOptions: readonly string[];
  readonly flags: readonly string[] | undefined;
  readonly files: Readonly<Record<string, string>> | undefined;
}

export const nameOf = (platform: Platform): string => formatPlatform(platform);

function parsePlatforms(texts: readonly string[]): readonly Platform[] | null {
  if (texts.length === 0) return null;
  const given = texts.flatMap((text) => text.split(",")).map((text) => text.trim());
  const parsed = given.map((text) => {
    const { os, architecture, variant } = parsePlatform(text);
    return { architecture, os, ...(variant === undefined ? {} : { variant }) };
  });
  return [...new Map(parsed.map((platform) => [nameOf(platform), platform])).values()];
}

function parseOptions(texts: readonly string[]): Readonly<Record<string, string>> | null {
  if (texts.length === 0) return null;
  const pairs = texts.flatMap(csvFields).map((field) => {
    const at = field.indexOf("=");
    if (at < 0) throw new Error(`invalid value ${JSON.stringify(field)}, expecting k=v`);
    return [field.slice(0, at), field.slice(at + 1)] as const;
  });
  return Object.fromEntries(pairs);
}

function nextName(builder: BuilderRecord): string {
  for (let at = 0; ; at += 1) {
    const name = `${builder.Name}${at}`;
    if (builder.Nodes.every((node) => node.Name !== name)) return name;
  }
}

/** A platform is one node's only: the last one that was given it has it. */
function checked(builder: BuilderRecord, nodes: readonly NodeRecord[], own: NodeRecord): BuilderRecord {
  if (nodes.filter(({ Endpoint }) => Endpoint === own.Endpoint).length > 1)
    throw new Error(`invalid duplicate endpoint ${own.Endpoint}`);
  const taken = new Set((own.Platforms ?? []).map(nameOf));
  const left = nodes.map((node) => {
    if (node === own) return node;
    const platforms = (node.Platforms ?? []).filter((platform) => !taken.has(nameOf(platform)));
    return { ...node, Platforms: platforms };
  });
  return { ...builder, Nodes: left };
}

/** A builder with one node more, or with one changed. @throws {Error} in buildx's words. */
export function withNode(
  builder: BuilderRecord,
  wish: NodeWish,
): { readonly builder: BuilderRecord; readonly isRestartNeeded: boolean } {
  const known = builder.Nodes.find(({ Name }) => Name === wish.name);
  if (known === undefined && !wish.append && builder.Nodes.length > 0)
    throw new Error(`node ${wish.name} not found, did you mean to append?`);
  const platforms = parsePlatforms(wish.platforms);
  const options = parseOptions(wish.driverOptions);
  if (known === undefined) {
    const node: NodeRecord = {
      Name: checkBuilderName(wish.name === "" ? nextName(builder) : wish.name),
      Endpoint: wish.endpoint,
      Platforms: platforms,
      DriverOpts: options,
      Flags: wish.flags ?? null,
      Files: wish.files ?? null,
    };
    return { builder: checked(builder, [...builder.Nodes, node], node), isRestartNeeded: false };
  }
  const changed: NodeRecord = {
    ...known,
    ...(wish.isEndpointGiven ? { Endpoint: wish.endpoint } : {}),
    ...(platforms === null ? {} : { Platforms: platforms }),
    ...(options === null ? {} : { DriverOpts: options }),
    ...(wish.flags === undefined ? {} : { Flags: wish.flags }),
    ...(wish.files === undefined ? {} : { Files: { ...known.Files, ...wish.files } }),
  };
  const isRestartNeeded =
    wish.isEndpointGiven || wish.flags !== undefined || options !== null || wish.files !== undefined;
  const nodes = builder.Nodes.map((node) => (node === known ? changed : node));
  return { builder: checked(builder, nodes, changed), isRestartNeeded };
}

/** @throws {Error} in buildx's words. */
export function withoutNode(builder: BuilderRecord, name: string): BuilderRecord {
  const left = builder.Nodes.filter(({ Name }) => Name !== name);
  if (left.length === builder.Nodes.length)
    throw new Error(`node ${JSON.stringify(name)} not found for ${builder.Name}`);
  if (left.length === 0) throw new Error("can not leave last node, do you want to rm instance instead?");
  return { ...builder, Nodes: left };
}
