import { readFileSync, writeFileSync } from "node:fs";

/** One line: an address and the names of it, space between them. */
export interface HostsEntry {
  readonly address: string;
  readonly names: string;
}

const LOOPBACK = `127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
ff00::0\tip6-mcastprefix
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
`;

const lineOf = ({ address, names }: HostsEntry): string => `${address}\t${names}\n`;

/** A container's /etc/hosts. `base`: the host's own file, for a container in the host's namespace. */
export function renderHosts(entries: readonly HostsEntry[], base: string = LOOPBACK): string {
  return base + entries.map(lineOf).join("");
}

/**
 * `name:address` of `--add-host`; `host-gateway` means the host as the container sees it, and is left out where there is no
 * such address.
 */
export function extraHosts(texts: readonly string[], hostGateway: string | undefined): readonly HostsEntry[] {
  return texts.flatMap((text) => {
    const [, names = "", given = ""] = /^([^:=]+)[:=](.+)$/.exec(text) ?? [];
    const address = given === "host-gateway" ? hostGateway : given;
    return names === "" || address === undefined ? [] : [{ address, names }];
  });
}

/** `web.example.com web`, or `web` alone; a hostname may hold its domain itself. */
export function ownNames(hostname: string, domainname: string): string {
  const whole = domainname === "" ? hostname : `${hostname}.${domainname}`;
  const [short = whole] = whole.split(".", 1);
  return short === whole ? whole : `${whole} ${short}`;
}

/**
 * Adds and removes lines of a file that a running container has mounted: in place, since the mount is of this inode. What
 * the container wrote itself stays.
 */
export function changeHosts(
  path: string,
  change: { readonly add?: readonly HostsEntry[]; readonly remove?: readonly HostsEntry[] },
): void {
  const { add = [], remove = [] } = change;
  const gone = new Set(remove.map((entry) => lineOf(entry).trimEnd()));
  const before = readFileSync(path, "utf8");
  const kept = before.split("\n").filter((line) => !gone.has(line));
  const text = kept.join("\n");
  const end = text === "" || text.endsWith("\n") ? "" : "\n";
  const after = text + end + add.map(lineOf).join("");
  if (after !== before) writeFileSync(path, after);
}

/** Takes out the lines of links: what they name first is the alias, and the container's own names follow, which may be others now. */
export function forgetLinks(path: string, aliases: readonly string[]): void {
  const before = readFileSync(path, "utf8");
  const after = before
    .split("\n")
    .filter((line) => {
      const [, alias = "", ...own] = line.split(/\s+/);
      return own.length === 0 || !aliases.includes(alias);
    })
    .join("\n");
  if (after !== before) writeFileSync(path, after);
}
