/**
 * Another program's FORWARD chain may drop what it does not know (dockerd and ufw set its policy so). A packet must pass every
 * table, so ours cannot allow it alone: one accept rule per direction and bridge goes into that chain, behind the chains that
 * administrators filter in, and is taken away with its bridge.
 */

/** What is in a chain, from `nft -j -a list chain`. */
interface ForeignRule {
  readonly handle: number;
  readonly text: string;
}

const field = (value: unknown, ...path: readonly string[]): unknown =>
  path.reduce<unknown>(
    (inner, key) => (typeof inner === "object" && inner !== null ? Reflect.get(inner, key) : undefined),
    value,
  );

function rulesOf(entries: readonly unknown[]): readonly ForeignRule[] {
  return entries
    .map((entry) => field(entry, "rule"))
    .filter((rule) => rule !== undefined)
    .map((rule) => ({ handle: Number(field(rule, "handle")), text: JSON.stringify(field(rule, "expr")) }));
}

const ours = (key: "iifname" | "oifname", bridge: string): string =>
  `{"match":{"op":"==","left":{"meta":{"key":"${key}"}},"right":${JSON.stringify(bridge)}}}`;

/** The plain rule that we insert: one match of the bridge, a counter, accept. */
function isOurs({ text }: ForeignRule, key: "iifname" | "oifname", bridge: string): boolean {
  return (
    text.startsWith(`[${ours(key, bridge)},`) &&
    /^\[\{"match".*?\}\},\{"counter":[^\]]*\},\{"accept":null\}\]$/.test(text)
  );
}

const BEHIND = ["DOCKER-USER", "DOCKER-ISOLATION-STAGE-1", "DOCKER-FORWARD"];

/** Families whose tables others filter in. */
export type FilterFamily = "ip" | "ip6";

/** Commands that let our bridges through, given the entries of the chain; empty when there is nothing to do. */
export function acceptCommands(
  entries: readonly unknown[],
  bridges: readonly string[],
  family: FilterFamily = "ip",
): string {
  const drops = entries.some((entry) => field(entry, "chain", "policy") === "drop");
  if (!drops) return "";
  const rules = rulesOf(entries);
  const last = rules.findLast(({ text }) => BEHIND.slice(0, 2).some((name) => text.includes(`"target":"${name}"`)));
  const place =
    last === undefined
      ? `insert rule ${family} filter FORWARD`
      : `add rule ${family} filter FORWARD position ${last.handle}`;
  return bridges
    .flatMap((bridge) => (["iifname", "oifname"] as const).map((key) => ({ bridge, key })))
    .filter(({ bridge, key }) => !rules.some((rule) => isOurs(rule, key, bridge)))
    .map(({ bridge, key }) => `${place} ${key} "${bridge}" counter accept\n`)
    .join("");
}

/** Commands that take our rules for a bridge away. */
export function withdrawAcceptCommands(
  entries: readonly unknown[],
  bridge: string,
  family: FilterFamily = "ip",
): string {
  return rulesOf(entries)
    .filter((rule) => isOurs(rule, "iifname", bridge) || isOurs(rule, "oifname", bridge))
    .map(({ handle }) => `delete rule ${family} filter FORWARD handle ${handle}\n`)
    .join("");
}
