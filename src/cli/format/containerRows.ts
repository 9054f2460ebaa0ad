import { goQuote } from "#gotext";
import { GoStruct } from "../template/value.ts";
import type { GoField, GoValue } from "../template/value.ts";
import { ellipsis, goTime, humanDuration, humanSize, shortId } from "./units.ts";

/** One row of `GET /containers/json` (spec definition ContainerSummary), as far as lists show it. */
export interface ContainerSummary {
  readonly Id: string;
  readonly Names: readonly string[] | null;
  readonly Image: string;
  readonly ImageID: string;
  readonly Command: string;
  readonly Created: number;
  readonly State: string;
  readonly Status: string;
  readonly Ports: readonly PortSummary[] | null;
  readonly Labels: Readonly<Record<string, string>> | null;
  readonly SizeRw?: number;
  readonly SizeRootFs?: number;
  readonly Mounts?: readonly { readonly Name?: string; readonly Source?: string; readonly Driver?: string }[] | null;
  readonly NetworkSettings?: { readonly Networks?: Readonly<Record<string, unknown>> | null } | null;
}

interface PortSummary {
  readonly IP?: string;
  readonly PrivatePort: number;
  readonly PublicPort?: number;
  readonly Type: string;
}

/** Column titles of a container row. */
export const CONTAINER_TITLES: Readonly<Record<string, string>> = {
  ID: "CONTAINER ID",
  Names: "NAMES",
  Image: "IMAGE",
  Command: "COMMAND",
  CreatedAt: "CREATED AT",
  RunningFor: "CREATED",
  Ports: "PORTS",
  State: "STATE",
  Status: "STATUS",
  Size: "SIZE",
  Labels: "LABELS",
  Mounts: "MOUNTS",
  LocalVolumes: "LOCAL VOLUMES",
  Networks: "NETWORKS",
  Platform: "PLATFORM",
};

const COMMAND_WIDTH = 20;
const MOUNT_WIDTH = 15;

const hostPort = (ip: string, port: string): string => (ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`);

/** Ports in a row that are published alike. */
interface PortGroup {
  readonly ip: string;
  readonly type: string;
  readonly first: number;
  readonly last: number;
}

function groupText({ ip, type, first, last }: PortGroup): string {
  const range = first === last ? String(first) : `${first}-${last}`;
  return `${ip === "" ? range : `${hostPort(ip, range)}->${range}`}/${type}`;
}

const byText = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

/** `80-82/tcp, 0.0.0.0:8080->80/tcp`: what is published under its own number is joined into ranges and stands first. */
export function displayPorts(ports: readonly PortSummary[]): string {
  const sorted = [...ports].sort(
    (a, b) =>
      a.PrivatePort - b.PrivatePort ||
      byText(a.IP ?? "", b.IP ?? "") ||
      (a.PublicPort ?? 0) - (b.PublicPort ?? 0) ||
      byText(a.Type, b.Type),
  );
  const groups = new Map<string, PortGroup>();
  const texts: string[] = [];
  const mapped: string[] = [];
  for (const { IP: ip = "", PrivatePort: port, PublicPort: published = 0, Type: type } of sorted) {
    if (ip !== "" && published !== port) {
      mapped.push(`${hostPort(ip, String(published))}->${port}/${type}`);
      continue;
    }
    const key = `${ip}/${type}`;
    const group = groups.get(key);
    if (group !== undefined && port === group.last + 1) groups.set(key, { ...group, last: port });
    else {
      if (group !== undefined) texts.push(groupText(group));
      groups.set(key, { ip, type, first: port, last: port });
    }
  }
  return [...texts, ...[...groups.values()].map(groupText), ...mapped].join(", ");
}

function names(container: ContainerSummary, noTrunc: boolean): string {
  const all = (container.Names ?? []).map((name) => name.replace(/^\//, ""));
  // A name with a slash is a link from another container.
  return (noTrunc ? all : all.filter((name) => !name.includes("/"))).join(",");
}

/** The image as the container was made from it; its ID is shortened. */
export function imageName(container: ContainerSummary, noTrunc: boolean): string {
  if (container.Image === "") return "<no image>";
  const isOwnId = shortId(container.Image) === shortId(container.ImageID);
  return !noTrunc && isOwnId ? shortId(container.Image) : container.Image;
}

function size({ SizeRw: own = 0, SizeRootFs: whole = 0 }: ContainerSummary): string {
  return whole > 0 ? `${humanSize(own, 3)} (virtual ${humanSize(whole, 3)})` : humanSize(own, 3);
}

function mounts(container: ContainerSummary, noTrunc: boolean): string {
  const list = (container.Mounts ?? []).map((mount) => mount.Name || (mount.Source ?? ""));
  return list.map((name) => (noTrunc ? name : ellipsis(name, MOUNT_WIDTH))).join(",");
}

/** One row for a formatter; names as Docker's, with `.Label "key"`. */
export function containerRow(container: ContainerSummary, noTrunc: boolean): GoStruct {
  const labels = container.Labels ?? {};
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  const shown: Readonly<Record<string, () => GoValue>> = {
    Command: () => goQuote(noTrunc ? container.Command : ellipsis(container.Command, COMMAND_WIDTH)),
    CreatedAt: () => goTime(container.Created),
    ID: () => (noTrunc ? container.Id : shortId(container.Id)),
    Image: () => imageName(container, noTrunc),
    Labels: () => pairs.sort().join(","),
    LocalVolumes: () => String((container.Mounts ?? []).filter((mount) => mount.Driver === "local").length),
    Mounts: () => mounts(container, noTrunc),
    Names: () => names(container, noTrunc),
    Networks: () =>
      Object.keys(container.NetworkSettings?.Networks ?? {})
        .sort()
        .join(","),
    Platform: () => null,
    Ports: () => displayPorts(container.Ports ?? []),
    RunningFor: () => `${humanDuration(Date.now() - container.Created * 1000)} ago`,
    Size: () => size(container),
    State: () => container.State,
    Status: () => container.Status,
  };
  const fields: GoField[] = Object.entries(shown).map(([name, get]) => ({ name, get }));
  return new ContainerRow(fields, (key) => labels[key] ?? "");
}

/** `.Label` is a method with an argument, so it is no column and stays out of JSON. */
class ContainerRow extends GoStruct {
  readonly #label: GoField;

  constructor(fields: readonly GoField[], label: (key: string) => string) {
    super("*formatter.ContainerContext", fields, true);
    this.#label = { name: "Label", get: () => "", call: label };
  }

  override field(name: string): GoField | undefined {
    return name === "Label" ? this.#label : super.field(name);
  }
}
