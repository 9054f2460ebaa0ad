import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { boolFlag, listFlag, stringFlag } from "../core/flags.ts";
import { mapFlag, stringsFlag } from "../options/collectionFlags.ts";
import { ipamPools } from "../options/ipam.ts";
import { checkLabel, toMap } from "../options/keyValues.ts";

/** `varve network create`. */
export const networkCreate: Command = defineCommand({
  use: "[OPTIONS] NETWORK",
  short: "Create a network",
  examples: `network create backend
network create --subnet 10.0.0.0/24 --gateway 10.0.0.254 --internal backend`,
  args: { min: 1, max: 1 },
  flags: {
    attachable: boolFlag(undefined, "Enable manual container attachment"),
    "aux-address": mapFlag(undefined, "Auxiliary IPv4 or IPv6 addresses used by Network driver"),
    "config-from": stringFlag(undefined, "The network from which to copy the configuration"),
    "config-only": boolFlag(undefined, "Create a configuration only network"),
    driver: { ...stringFlag("d", "Driver to manage the Network", { shownDefault: "bridge" }), initial: "bridge" },
    gateway: stringsFlag("IPv4 or IPv6 Gateway for the master subnet"),
    ingress: boolFlag(undefined, "Create swarm routing-mesh network"),
    internal: boolFlag(undefined, "Restrict external access to the network"),
    "ip-range": stringsFlag("Allocate container ip from a sub-range"),
    "ipam-driver": {
      ...stringFlag(undefined, "IP Address Management Driver", { shownDefault: "default" }),
      initial: "default",
    },
    "ipam-opt": mapFlag(undefined, "Set IPAM driver specific options"),
    ipv4: boolFlag(undefined, "Enable or disable IPv4 address assignment", true),
    ipv6: boolFlag(undefined, "Enable or disable IPv6 address assignment"),
    label: listFlag(undefined, "Set metadata on a network", checkLabel),
    opt: mapFlag("o", "Set driver specific options"),
    scope: stringFlag(undefined, "Control the network's scope"),
    subnet: stringsFlag("Subnet in CIDR format that represents a network segment"),
  },
  async run({ session, flags, given, args: [Name = ""] }) {
    const Config = ipamPools({
      subnets: flags.subnet,
      ranges: flags["ip-range"],
      gateways: flags.gateway,
      auxiliary: flags["aux-address"],
    });
    const from = flags["config-from"];
    const { Id } = await session.client.json<{ readonly Id: string }>({
      method: "POST",
      path: "/networks/create",
      json: {
        // Before API 1.44 names were only unique for those who asked.
        CheckDuplicate: true,
        Driver: flags.driver,
        Scope: flags.scope,
        ...(given.has("ipv4") ? { EnableIPv4: flags.ipv4 } : {}),
        ...(given.has("ipv6") ? { EnableIPv6: flags.ipv6 } : {}),
        IPAM: { Driver: flags["ipam-driver"], Options: flags["ipam-opt"], Config },
        Internal: flags.internal,
        Attachable: flags.attachable,
        Ingress: flags.ingress,
        ConfigOnly: flags["config-only"],
        ConfigFrom: from === "" ? null : { Network: from },
        Options: flags.opt,
        Labels: toMap(flags.label),
        Name,
      },
    });
    session.print(`${Id}\n`);
    return undefined;
  },
});
