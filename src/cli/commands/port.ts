import type { PortBinding, PortMap } from "#engineapi";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { CommandError } from "../core/commandError.ts";
import { naturalOrder } from "../format/naturalOrder.ts";

const MAX_PORT = 65_535;

const hostAndPort = ({ HostIp, HostPort }: PortBinding): string =>
  `${HostIp.includes(":") ? `[${HostIp}]` : HostIp}:${HostPort}`;

/** Where the container's port is published; a port without protocol is of tcp. */
function published(ports: PortMap, wanted: string, container: string): readonly string[] {
  const slash = wanted.indexOf("/");
  const [port, protocol] = slash < 0 ? [wanted, ""] : [wanted.slice(0, slash), wanted.slice(slash + 1)];
  const refuse = (why: string): CommandError =>
    new CommandError(`Error: invalid port (${port}): strconv.ParseUint: parsing ${JSON.stringify(port)}: ${why}`);
  if (!/^\d+$/.test(port)) throw refuse("invalid syntax");
  if (Number(port) > MAX_PORT) throw refuse("value out of range");
  const bindings = ports[`${port}/${protocol || "tcp"}`] ?? [];
  if (bindings.length === 0) throw new CommandError(`Error: No public port '${wanted}' published for ${container}`);
  return bindings.map(hostAndPort);
}

/** `varve port`. */
export const port: Command = defineCommand({
  use: "CONTAINER [PRIVATE_PORT[/PROTO]]",
  short: "List port mappings or a specific mapping for the container",
  examples: `port web
port web 80/tcp`,
  args: { min: 1, max: 2 },
  flags: {},
  async run({ session, args: [container = "", wanted = ""] }) {
    const { NetworkSettings } = await session.client.json<{ readonly NetworkSettings: { readonly Ports?: PortMap } }>({
      path: `/containers/${encodeURIComponent(container)}/json`,
    });
    const ports = NetworkSettings.Ports ?? {};
    const lines =
      wanted === ""
        ? Object.entries(ports).flatMap(([from, bindings]) =>
            (bindings ?? []).map((binding) => `${from} -> ${hostAndPort(binding)}`),
          )
        : published(ports, wanted, container);
    for (const line of [...lines].sort(naturalOrder)) session.print(`${line}\n`);
    return undefined;
  },
});
