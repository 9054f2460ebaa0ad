import { CLIENT_API_VERSION } from "#client";
import { messageOf } from "#errors";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { CommandError } from "../core/commandError.ts";
import { INSPECT_FORMAT_USAGE, stringFlag } from "../core/flags.ts";
import type { Session } from "../core/session.ts";
import { programVersion } from "../core/versionLine.ts";
import { printStatus, statusTemplate } from "../format/statusTemplate.ts";
import { alignColumns } from "../format/tabwriter.ts";
import { goJson } from "../template/goJson.ts";
import { GoStruct } from "../template/value.ts";
import type { GoValue } from "../template/value.ts";

interface Component {
  readonly Name: string;
  readonly Version: string;
  readonly Details?: Readonly<Record<string, string>>;
}

interface ServerVersion {
  readonly Platform?: { readonly Name: string };
  readonly Components?: readonly Component[];
  readonly [key: string]: unknown;
}

const ARCHITECTURE: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

interface ClientVersion {
  readonly Version: string;
  readonly ApiVersion: string;
  readonly DefaultAPIVersion: string;
  readonly NodeVersion: string;
  readonly Os: string;
  readonly Arch: string;
  readonly Context: string;
}

function clientVersion(session: Session, apiVersion: string): ClientVersion {
  return {
    Version: programVersion(),
    ApiVersion: apiVersion,
    DefaultAPIVersion: CLIENT_API_VERSION,
    NodeVersion: process.version,
    Os: process.platform,
    Arch: ARCHITECTURE[process.arch] ?? process.arch,
    Context: session.chosen.context,
  };
}

function clientText(client: ClientVersion): string[] {
  const { ApiVersion: api, DefaultAPIVersion: own } = client;
  return [
    "Client:",
    ` Version:\t${client.Version}`,
    ` API version:\t${api}${api === own ? "" : ` (downgraded from ${own})`}`,
    ` Node version:\t${client.NodeVersion}`,
    ` OS/Arch:\t${client.Os}/${client.Arch}`,
    ` Context:\t${client.Context}`,
  ];
}

function componentText({ Name, Version, Details: details = {} }: Component): string[] {
  if (Name !== "Engine") {
    return [
      ` ${Name}:`,
      `  Version:\t${Version}`,
      ...Object.keys(details)
        .sort()
        .map((key) => `  ${key}:\t${details[key] ?? ""}`),
    ];
  }
  const detail = (key: string): string => details[key] ?? "";
  return [
    " Engine:",
    `  Version:\t${Version}`,
    `  API version:\t${detail("ApiVersion")} (minimum version ${detail("MinAPIVersion")})`,
    `  Go version:\t${detail("GoVersion")}`,
    `  Git commit:\t${detail("GitCommit")}`,
    `  Built:\t${detail("BuildTime")}`,
    `  OS/Arch:\t${detail("Os")}/${detail("Arch")}`,
    `  Experimental:\t${detail("Experimental")}`,
  ];
}

function serverText(server: ServerVersion): string[] {
  const platform = server.Platform?.Name ?? "";
  return ["", `Server:${platform === "" ? "" : ` ${platform}`}`, ...(server.Components ?? []).flatMap(componentText)];
}

const WEEKDAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** RFC 3339 → `Thu Aug 13 05:35:47 2026`, Go's time.ANSIC; anything else stays. */
function buildTime(text: string): string {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) return text;
  const day = String(date.getUTCDate()).padStart(2);
  const time = date.toISOString().slice(11, 19);
  return `${WEEKDAYS[date.getUTCDay()] ?? ""} ${MONTHS[date.getUTCMonth()] ?? ""} ${day} ${time} ${date.getUTCFullYear()}`;
}

/** Components as Docker shows them: in its own key order, the build time for people. */
function readable(server: ServerVersion): ServerVersion {
  const components = (server.Components ?? []).map(({ Name, Version, Details }) => {
    const built = Details?.["BuildTime"];
    return {
      Name,
      Version,
      ...(Details === undefined
        ? {}
        : { Details: built === undefined ? Details : { ...Details, BuildTime: buildTime(built) } }),
    };
  });
  return { ...server, ...(server.Components === undefined ? {} : { Components: components }) };
}

/** Where Docker's Go field is not named as its JSON. */
const GO_NAMES: Readonly<Record<string, string>> = { ApiVersion: "APIVersion" };

function asStruct(typeName: string, value: Readonly<Record<string, unknown>>): GoStruct {
  return new GoStruct(
    typeName,
    Object.entries(value).map(([key, inner]) => ({
      name: GO_NAMES[key] ?? key,
      json: key,
      get: () => nested(key, inner),
    })),
  );
}

function nested(name: string, value: unknown): GoValue {
  if (name !== "Components" || !Array.isArray(value))
    return name === "Platform" ? asStruct("struct", Object(value)) : (value as GoValue);
  return value.map((item: unknown) => asStruct("types.ComponentVersion", Object(item)));
}

/** Docker's types.Version: what an engine does not tell reads as Go's zero value, and JSON leaves it out. */
const SERVER_DEFAULTS = { MinAPIVersion: "", KernelVersion: "", Experimental: false, BuildTime: "" };

function serverStruct(server: ServerVersion): GoStruct {
  const { typeName, fields } = asStruct("*types.Version", { ...server, ...defaultsFor(server) });
  return new GoStruct(
    typeName,
    fields.map((field) => ({ ...field, omitEmpty: field.name in SERVER_DEFAULTS })),
  );
}

function defaultsFor(server: ServerVersion): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(SERVER_DEFAULTS).filter(([name]) => server[name] === undefined));
}

/** `varve version`. The client's part is shown even when no engine answers. */
export const version: Command = defineCommand({
  use: "[OPTIONS]",
  short: "Show the varve version information",
  examples: `version
version --format '{{.Server.Version}}'`,
  args: { min: 0, max: 0 },
  flags: { format: stringFlag("f", INSPECT_FORMAT_USAGE) },
  async run({ session, flags }) {
    const template = statusTemplate(flags.format, "version");
    let server: ServerVersion | undefined;
    let failure: string | undefined;
    try {
      server = readable(await session.client.json<ServerVersion>({ path: "/version" }));
    } catch (error) {
      failure = messageOf(error);
    }
    const api = server === undefined ? CLIENT_API_VERSION : await session.client.apiVersion();
    const client = clientVersion(session, api);
    const both = new GoStruct("system.versionInfo", [
      { name: "Client", get: () => asStruct("system.clientVersion", { ...client }) },
      { name: "Server", get: () => (server === undefined ? null : serverStruct(server)) },
    ]);
    if (template !== undefined) printStatus(session, template, both);
    else if (flags.format === "json") session.print(`${goJson(both)}\n`);
    else {
      const lines = [...clientText(client), ...(server === undefined ? [] : serverText(server))];
      session.print(`${alignColumns(lines, { minWidth: 20, padding: 1 }).join("\n")}\n`);
    }
    if (failure !== undefined) throw new CommandError(failure);
    return undefined;
  },
});
