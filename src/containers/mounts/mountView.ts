import type { MountPoint } from "./mountPoint.ts";

/** An entry of `Mounts` in inspect and list (spec definition MountPoint). */
export interface MountOnWire {
  readonly Type: string;
  readonly Name?: string;
  readonly Source: string;
  readonly Destination: string;
  readonly Driver?: string;
  readonly Mode: string;
  readonly RW: boolean;
  readonly Propagation: string;
}

/** `GET /containers/{id}/json`, Mounts. */
export function mountsOnWire(points: readonly MountPoint[]): readonly MountOnWire[] {
  return points.map(({ type, name, source, destination, driver, mode, writable, propagation }) => ({
    Type: type,
    ...(name === undefined ? {} : { Name: name }),
    Source: source,
    Destination: destination,
    ...(driver === undefined ? {} : { Driver: driver }),
    Mode: mode,
    RW: writable,
    Propagation: propagation,
  }));
}

/** `GET /containers/json`, Mounts: dockerd leaves the source of declared volumes out. */
export function mountsInList(points: readonly MountPoint[]): readonly MountOnWire[] {
  return mountsOnWire(points.map((point) => (point.declared === true ? { ...point, source: "" } : point)));
}
