import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { CommandError } from "../core/commandError.ts";
import { boolFlag, intFlag, listFlag, stringFlag } from "../core/flags.ts";
import { checkLink } from "../options/addresses.ts";
import { stringsFlag } from "../options/collectionFlags.ts";

function driverOptions(list: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    list.map((text) => {
      const at = text.indexOf("=");
      const key = text.slice(0, Math.max(at, 0)).trim();
      if (key === "") throw new CommandError("invalid key/value pair format in driver options");
      return [key, text.slice(at + 1).trim()];
    }),
  );
}

/** `varve network connect`. */
export const connect: Command = defineCommand({
  use: "[OPTIONS] NETWORK CONTAINER",
  short: "Connect a container to a network",
  examples: `network connect backend web
network connect --ip 10.0.0.7 --alias db backend postgres`,
  args: { min: 2, max: 2 },
  flags: {
    alias: stringsFlag("Add network-scoped alias for the container"),
    "driver-opt": stringsFlag("driver options for the network"),
    "gw-priority": intFlag(
      undefined,
      "Highest gw-priority provides the default gateway. Accepts positive and negative values.",
    ),
    ip: stringFlag(undefined, 'IPv4 address (e.g., "172.30.100.104")'),
    ip6: stringFlag(undefined, 'IPv6 address (e.g., "2001:db8::33")'),
    link: listFlag(undefined, "Add link to another container", checkLink),
    "link-local-ip": stringsFlag("Add a link-local address for the container"),
  },
  async run({ session, flags, args: [network = "", container = ""] }) {
    const { ip, ip6, link, alias } = flags;
    const local = flags["link-local-ip"];
    const DriverOpts = driverOptions(flags["driver-opt"]);
    await session.client.text({
      method: "POST",
      path: `/networks/${encodeURIComponent(network)}/connect`,
      json: {
        Container: container,
        EndpointConfig: {
          IPAMConfig: {
            ...(ip === "" ? {} : { IPv4Address: ip }),
            ...(ip6 === "" ? {} : { IPv6Address: ip6 }),
            ...(local.length === 0 ? {} : { LinkLocalIPs: local }),
          },
          Links: link,
          Aliases: alias,
          DriverOpts,
          GwPriority: flags["gw-priority"],
        },
      },
    });
    return undefined;
  },
});

/** `varve network disconnect`. */
export const disconnect: Command = defineCommand({
  use: "[OPTIONS] NETWORK CONTAINER",
  short: "Disconnect a container from a network",
  examples: "network disconnect backend web",
  args: { min: 2, max: 2 },
  flags: { force: boolFlag("f", "Force the container to disconnect from a network") },
  async run({ session, flags, args: [network = "", Container = ""] }) {
    await session.client.text({
      method: "POST",
      path: `/networks/${encodeURIComponent(network)}/disconnect`,
      json: { Container, Force: flags.force },
    });
    return undefined;
  },
});
