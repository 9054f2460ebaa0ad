import { messageOf } from "#errors";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { CommandError } from "../core/commandError.ts";
import { INSPECT_FORMAT_USAGE, stringFlag } from "../core/flags.ts";
import type { Session } from "../core/session.ts";
import { programVersion } from "../core/versionLine.ts";
import { printStatus, statusTemplate } from "../format/statusTemplate.ts";
import { serverInfo, serverWarnings } from "../format/serverInfo.ts";
import type { SystemInfo } from "../format/serverInfo.ts";
import { shaped } from "../format/shape.ts";
import type { StructShape } from "../format/shape.ts";
import { goJson } from "../template/goJson.ts";
import { GoStruct } from "../template/value.ts";
import type { GoValue } from "../template/value.ts";

const PLUGINS: StructShape = {
  typeName: "system.PluginsInfo",
  fields: ["Volume", "Network", "Authorization", "Log"].map((name) => ({ name, shape: "pointer" })),
};

function clientInfo(session: Session): GoValue {
  return {
    Context: session.chosen.context,
    Debug: session.global.debug,
    Platform: { Name: "" },
    Plugins: [],
    Version: programVersion(),
    Warnings: null,
  };
}

function clientText(session: Session): string {
  const lines = [
    "Client:",
    ` Version:    ${programVersion()}`,
    ` Context:    ${session.chosen.context}`,
    ` Debug Mode: ${session.global.debug}`,
  ];
  return `${lines.join("\n")}\n\nServer:\n`;
}

function infoStruct(info: Readonly<Record<string, unknown>>, client: GoValue, errors: readonly string[]): GoStruct {
  const fields = Object.entries(info).map(([name, value]) => ({
    name,
    get: () => (name === "Plugins" ? shaped(value as GoValue, PLUGINS) : (value as GoValue)),
  }));
  const failed = errors.length === 0 ? [] : [{ name: "ServerErrors", get: () => errors }];
  return new GoStruct("system.dockerInfo", [...fields, ...failed, { name: "ClientInfo", get: () => client }]);
}

/** `varve info`. The client's part is shown even when no engine answers. */
export const info: Command = defineCommand({
  use: "[OPTIONS]",
  short: "Display system-wide information",
  examples: `info
info --format '{{.Driver}}'`,
  args: { min: 0, max: 0 },
  flags: { format: stringFlag("f", INSPECT_FORMAT_USAGE) },
  async run({ session, flags }) {
    const template = statusTemplate(flags.format, "");
    let server: SystemInfo | undefined;
    let failure: string | undefined;
    try {
      server = await session.client.json<SystemInfo>({ path: "/info" });
    } catch (error) {
      failure = messageOf(error);
    }
    if (flags.format !== "") {
      const value = infoStruct({ ...server }, clientInfo(session), failure === undefined ? [] : [failure]);
      if (template === undefined) session.print(`${goJson(value)}\n`);
      else printStatus(session, template, value);
      if (failure !== undefined) throw new CommandError(failure);
      return undefined;
    }
    session.print(clientText(session));
    if (server === undefined) throw new CommandError(failure ?? "");
    session.print(`${serverInfo(server)}\n`);
    for (const warning of serverWarnings(server)) session.warn(warning);
    return undefined;
  },
});
