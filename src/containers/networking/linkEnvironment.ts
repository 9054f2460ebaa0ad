/** Variables that tell a container of those it is linked to on the default network (`--link`). */

interface Port {
  readonly number: number;
  readonly protocol: string;
}

/** One linked container, as its variables describe it. */
export interface LinkedContainer {
  readonly alias: string;
  /** Of the container that has the link. */
  readonly ownName: string;
  readonly address: string;
  /** `80/tcp` */
  readonly exposed: readonly string[];
  /** `Config.Env` */
  readonly environment: readonly string[];
}

/** What an image sets for itself and says nothing to others. */
const UNTOLD = ["HOME", "PATH"];

function parsePort(text: string): Port {
  const [number = "", protocol = "tcp"] = text.split("/");
  return { number: Number(number), protocol };
}

/** How far the ports go on one after the other from `start`, by index. */
function lastContiguous(ports: readonly Port[], start: number): number {
  let index = start;
  while (ports[index + 1]?.number === (ports[index]?.number ?? 0) + 1) index += 1;
  return index;
}

function rangeVariables(alias: string, address: string, ports: readonly Port[]): readonly string[] {
  const lines: string[] = [];
  for (let index = 0; index < ports.length; index += 1) {
    const end = lastContiguous(ports, index);
    const [first, last] = [ports[index], ports[end]];
    // Two in a row are no range to Docker.
    if (first === undefined || last === undefined || end <= index + 1) continue;
    const key = `${alias}_PORT_${first.number}_${first.protocol.toUpperCase()}`;
    lines.push(
      `${key}_START=${first.protocol}://${address}:${first.number}`,
      `${key}_ADDR=${address}`,
      `${key}_PROTO=${first.protocol}`,
      `${key}_PORT_START=${first.number}`,
      `${key}_END=${last.protocol}://${address}:${last.number}`,
      `${key}_PORT_END=${last.number}`,
    );
    index = end;
  }
  return lines;
}

/** `DB_PORT_80_TCP=tcp://172.17.0.2:80` …, `DB_NAME=/web/db`, `DB_ENV_X=…` */
export function linkEnvironment(linked: LinkedContainer): readonly string[] {
  const { address } = linked;
  const alias = linked.alias.toUpperCase().replaceAll("-", "_");
  const ports = linked.exposed
    .map(parsePort)
    .sort((one, other) => one.number - other.number || (one.protocol < other.protocol ? -1 : 1));
  const [lowest] = ports;
  const told = linked.environment.filter((line) => line.includes("=") && !UNTOLD.includes(line.split("=", 1)[0] ?? ""));
  return [
    ...(lowest === undefined ? [] : [`${alias}_PORT=${lowest.protocol}://${address}:${lowest.number}`]),
    ...rangeVariables(alias, address, ports),
    ...ports.flatMap(({ number, protocol }) => {
      const key = `${alias}_PORT_${number}_${protocol.toUpperCase()}`;
      return [
        `${key}=${protocol}://${address}:${number}`,
        `${key}_ADDR=${address}`,
        `${key}_PORT=${number}`,
        `${key}_PROTO=${protocol}`,
      ];
    }),
    `${alias}_NAME=/${linked.ownName}/${linked.alias}`,
    ...told.map((line) => `${alias}_ENV_${line}`),
  ];
}
