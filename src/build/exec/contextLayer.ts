import type { DiffId } from "#oci";
import type { OperationHandler, Step } from "../graph/handler.ts";
import type { ContextDirectory, DirectoryInPlace } from "../files/contextDirectory.ts";
import type { ExecOperation, FileOperation } from "../graph/operation.ts";

/** What is special to the patterns of COPY. */
const SPECIAL = /[*?[\]\\]/g;
/** A step that shows nothing: it is part of another one. */
const SILENT = { status: () => undefined, log: () => undefined } as const;

/**
 * The part of a context that a bind mount shows, as the layer that COPY would make of it: one that was received is no
 * directory; one that is read in place has files that are none of the build's, and owners that are the client's. Its path
 * in the layer is that in the context.
 */
export async function contextLayer(
  file: OperationHandler<FileOperation>,
  step: Step<ExecOperation>,
  { directory, path }: { readonly directory: ContextDirectory; readonly path: string },
): Promise<readonly DiffId[]> {
  const isWhole = path === "/";
  const operation: FileOperation = {
    kind: "file",
    link: true,
    epoch: undefined,
    actions: [
      {
        action: "copy",
        input: 1,
        sources: [path.replace(SPECIAL, "\\$&")],
        destination: "/",
        destinationIsDirectory: true,
        owner: undefined,
        mode: undefined,
        parents: !isWhole,
        excludes: [],
        unpack: false,
        keepOwner: true,
        allowNoMatch: false,
      },
    ],
  };
  const { vertex, session, lease, signal, takesChanges } = step;
  const how = takesChanges === undefined ? {} : { takesChanges };
  const inputs = [
    { kind: "layers", diffIds: [] },
    { kind: "context", directory },
  ] as const;
  const made = await file.run({ vertex, operation, inputs, session, lease, signal, progress: SILENT, ...how });
  if (made.kind !== "layers") throw new Error("a copy makes a layer");
  return made.diffIds;
}

/** True for a directory that is just what the build may see of it. */
export function isPlain(directory: ContextDirectory): directory is DirectoryInPlace {
  if ("list" in directory) return false;
  const { excludes = [], isOwnedByRoot = false } = directory;
  return excludes.length === 0 && !isOwnedByRoot;
}
