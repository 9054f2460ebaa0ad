import { eraseCredentials, HUB_SERVER } from "#client";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";

/** `varve logout`. */
export const logout: Command = defineCommand({
  use: "[SERVER]",
  short: "Log out from a registry",
  long: "Log out from a registry.\nIf no server is specified, the default is defined by the daemon.",
  examples: "logout registry.example:5000",
  args: { min: 0, max: 1 },
  flags: {},
  async run({ session, args: [server = ""] }) {
    const key = serverKey(server);
    if (key === HUB_SERVER) session.print(`Removing login credentials for ${HUB_SERVER}\n`);
    else session.print(`Removing login credentials for ${key}\n`);
    await eraseCredentials(session.config, key);
    return undefined;
  },
});

/** What the user calls a registry → its key in config.json. */
export function serverKey(server: string): string {
  const host = server.replace(/^https?:\/\//, "").replace(/\/.*$/, "");
  return host === "" || host === "docker.io" || host === "index.docker.io" || host === "registry-1.docker.io"
    ? HUB_SERVER
    : host;
}
