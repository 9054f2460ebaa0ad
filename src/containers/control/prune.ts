import type { Filters } from "#engineapi";
import { checkFilterKeys, hasAnyLabel, hasLabels, untilFilter } from "#images";
import type { Container } from "../container.ts";
import type { ContainerRoom } from "../room.ts";

const KNOWN = ["label", "label!", "until"];

/** @throws {invalid_argument} INVALID_FILTER in Docker's words */
function compile(filters: Filters): (container: Container) => boolean {
  checkFilterKeys(filters, KNOWN);
  const until = untilFilter(filters, Date.now());
  const [wanted, unwanted] = [filters.get("label") ?? [], filters.get("label!") ?? []];
  return ({ document }) => {
    const { Labels } = document.config;
    return (
      (until === undefined || Date.parse(document.created) < until) &&
      hasLabels(wanted, Labels) &&
      !hasAnyLabel(unwanted, Labels)
    );
  };
}

/** Removes every container that does not run and fits the filters; one that starts meanwhile stays. */
export async function pruneContainers(
  { index, lifecycle, options }: ContainerRoom,
  filters: Filters,
): Promise<{ readonly ContainersDeleted: readonly string[] | null; readonly SpaceReclaimed: number }> {
  const fits = compile(filters);
  const removed: string[] = [];
  let bytes = 0;
  for (const container of index.newestFirst()) {
    if (container.isActive || !fits(container)) continue;
    const { bytes: size } = await options.snapshots.usage(container.id).catch(() => ({ bytes: 0 }));
    if (container.isActive) continue;
    await lifecycle.remove(container, { volumes: false });
    removed.push(container.id);
    bytes += size;
  }
  options.events({
    Type: "container",
    Action: "prune",
    Actor: { ID: "", Attributes: { reclaimed: String(bytes) } },
  });
  return { ContainersDeleted: removed.length === 0 ? null : removed, SpaceReclaimed: bytes };
}
