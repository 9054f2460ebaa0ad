import { randomUUID } from "node:crypto";
import type { DiffId, Digest } from "#oci";
import type { LeaseResource, Metadata } from "./records.ts";

/** Keeps from GC what an act has in hand; ends when disposed, or with the daemon. Dispose after a record names it all. */
export interface ActLease extends Disposable {
  add(resource: LeaseResource): void;
  blob(digest: Digest): void;
  layer(diffId: DiffId): void;
}

/** `purpose` is for people: `pull docker.io/library/nginx:latest`. */
export function takeLease(metadata: Pick<Metadata, "leases">, purpose: string): ActLease {
  const { id } = metadata.leases.create({ purpose: `${purpose} ${randomUUID().slice(0, 8)}`, ephemeral: true });
  const held = new Set<string>();
  const add = (resource: LeaseResource): void => {
    const key = `${resource.kind} ${resource.name}`;
    // Each step of a build names what the steps below it have named.
    if (held.has(key)) return;
    metadata.leases.add(id, resource);
    held.add(key);
  };
  return {
    add,
    blob: (name) => add({ kind: "blob", name }),
    layer: (name) => add({ kind: "layer", name }),
    [Symbol.dispose]: () => metadata.leases.delete(id),
  };
}
