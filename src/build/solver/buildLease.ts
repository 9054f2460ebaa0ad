import { takeLease } from "#metadata";
import type { Metadata } from "#metadata";
import type { BuildLease } from "../graph/handler.ts";

/** A lease as steps know it; what they hold besides is let go with it. */
export interface HeldBuildLease extends BuildLease, Disposable {}

/** `purpose` is for people. */
export function takeBuildLease(metadata: Pick<Metadata, "leases">, purpose: string): HeldBuildLease {
  const lease = takeLease(metadata, purpose);
  const held = new DisposableStack();
  held.use(lease);
  return {
    keepLayer: (diffId) => lease.layer(diffId),
    keepBlob: (digest) => lease.blob(digest),
    hold: (thing) => {
      held.use(thing);
    },
    [Symbol.dispose]: () => held.dispose(),
  };
}
