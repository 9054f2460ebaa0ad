import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { boolFlag } from "../core/flags.ts";
import { fetchManifests, manifestJson, manifestList, normalReference } from "../manifests/imageManifest.ts";
import type { Fetched } from "../manifests/imageManifest.ts";
import { goMarshal } from "../format/goEncoding.ts";
import { indentJson } from "../format/inspectOutput.ts";
import { ManifestStore } from "../manifests/manifestStore.ts";
import { RegistryCalls } from "../registry/registryCalls.ts";
import type { Reference } from "#oci";

/** Lists are indented by three spaces, all else by tabs: Docker's two encoders. */
function shown(found: Fetched, target: Reference, isVerbose: boolean): string {
  if (found.kind === "list") {
    if (isVerbose) return goMarshal(found.manifests.map(manifestJson), "\t");
    return manifestList(target, found.manifests).raw.toString("utf8");
  }
  if (isVerbose) return goMarshal(manifestJson(found.manifest), "\t");
  return indentJson(found.manifest.raw.toString("utf8"), "\t");
}

/** `varve manifest inspect`: of a list that was created here, else straight from the registry; nothing is pulled. */
export const manifestInspect: Command = defineCommand({
  use: "[OPTIONS] [MANIFEST_LIST] MANIFEST",
  short: "Display an image manifest, or manifest list",
  examples: `manifest inspect debian:12-slim
manifest inspect -v nginx`,
  args: { min: 1, max: 2 },
  flags: {
    insecure: boolFlag(undefined, "Allow communication with an insecure registry"),
    verbose: boolFlag("v", "Output additional info including layers and platform"),
  },
  async run({ session, flags, args }) {
    const reference = normalReference(args.at(-1) ?? "");
    const store = new ManifestStore(session.config);
    const [list] = args.length > 1 ? args : [];
    let found: Fetched;
    if (list === undefined) {
      const local = store.list(reference);
      found =
        local === undefined
          ? await fetchManifests(new RegistryCalls(session, flags.insecure), reference)
          : { kind: "list", manifests: local };
    } else found = { kind: "manifest", manifest: store.get(normalReference(list), reference) };
    session.print(`${shown(found, reference, flags.verbose)}\n`);
    return undefined;
  },
});
