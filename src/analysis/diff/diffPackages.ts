import type { Package, PackageManager } from "../packages/package.ts";
import { compareVersions } from "./versions.ts";

/** A package that two images do not both have in the same version. */
export interface PackageDifference {
  readonly kind: "added" | "removed" | "upgraded" | "downgraded";
  readonly manager: PackageManager;
  readonly name: string;
  /** Undefined for "added". */
  readonly before: Package | undefined;
  /** Undefined for "removed". */
  readonly after: Package | undefined;
}

function byName(packages: readonly Package[]): Map<string, Package[]> {
  const groups = new Map<string, Package[]>();
  for (const pkg of packages) {
    const key = `${pkg.manager}\0${pkg.name}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [pkg]);
    else group.push(pkg);
  }
  return groups;
}

/** Takes the first that fits out of a list. */
function take(list: Package[], fits: (pkg: Package) => boolean): Package | undefined {
  const at = list.findIndex(fits);
  return at < 0 ? undefined : list.splice(at, 1)[0];
}

function differenceOf(before: Package | undefined, after: Package | undefined): PackageDifference | undefined {
  const known = after ?? before;
  if (known === undefined) return undefined;
  const { manager, name } = known;
  if (before === undefined) return { kind: "added", manager, name, before, after };
  if (after === undefined) return { kind: "removed", manager, name, before, after };
  const order = compareVersions(manager, before.version, after.version);
  // Written otherwise, yet the same to its manager: the texts differ, so it is told.
  return { kind: order > 0 ? "downgraded" : "upgraded", manager, name, before, after };
}

/** Pairs the packages of one name: the same version, then the same architecture, then what is left. */
function diffGroup(before: readonly Package[], after: readonly Package[]): readonly PackageDifference[] {
  const rest = [...after];
  const unmatched = before.filter(
    (pkg) => take(rest, (other) => other.version === pkg.version && other.arch === pkg.arch) === undefined,
  );
  const changed = unmatched.filter((pkg) => take(rest, (other) => other.version === pkg.version) === undefined);
  const differences = changed.map((pkg) => {
    return differenceOf(pkg, take(rest, (other) => other.arch === pkg.arch) ?? rest.shift());
  });
  return [...differences, ...rest.map((pkg) => differenceOf(undefined, pkg))].filter((item) => item !== undefined);
}

/**
 * What became of the packages of an image, by manager and name. Several versions of one name (npm) and several
 * architectures (dpkg) are paired; another architecture alone, as between platforms, is no difference.
 */
export function diffPackages(before: readonly Package[], after: readonly Package[]): readonly PackageDifference[] {
  const left = byName(before);
  const right = byName(after);
  const keys = [...new Set([...left.keys(), ...right.keys()])].sort();
  return keys.flatMap((key) => diffGroup(left.get(key) ?? [], right.get(key) ?? []));
}
