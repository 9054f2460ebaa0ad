import { digestOf } from "#oci";
import type { Operation } from "../graph/operation.ts";
import type { SourceLocation, Vertex } from "../graph/vertex.ts";

/** What a vertex is beside its operation. */
export interface VertexInit {
  readonly name: string;
  readonly operation: Operation;
  readonly inputs?: readonly Vertex[];
  readonly ignoreCache?: boolean;
  readonly location?: SourceLocation | undefined;
  /** Default: the name. */
  readonly instruction?: string;
  readonly hidden?: boolean;
  /** Name of the only build whose vertex it is: two on one screen read directories of their own. */
  readonly build?: string;
}

/** Makes a vertex; its digest is the definition's: the same operation on the same inputs is the same vertex, whatever its name. */
export function makeVertex(init: VertexInit): Vertex {
  const { name, operation, inputs = [], ignoreCache = false, location, instruction = name, hidden, build } = init;
  const definition = [operation, inputs.map(({ digest }) => digest), ignoreCache, build];
  return {
    digest: digestOf(JSON.stringify(definition)),
    name,
    operation,
    inputs,
    ignoreCache,
    location,
    instruction,
    ...(hidden === undefined ? {} : { hidden }),
  };
}

const FILES: ReadonlySet<Operation["kind"]> = new Set(["local", "http", "git"]);

/** What steps can be made upon: files that are no image (`FROM` a named context) are copied into a layer first. */
export function layered(vertex: Vertex): Vertex {
  if (!FILES.has(vertex.operation.kind)) return vertex;
  return makeVertex({
    name: vertex.name,
    operation: {
      kind: "file",
      actions: [
        {
          action: "copy",
          input: 1,
          sources: ["/"],
          destination: "/",
          destinationIsDirectory: true,
          owner: undefined,
          mode: undefined,
          parents: false,
          excludes: [],
          unpack: false,
          keepOwner: false,
          allowNoMatch: false,
        },
      ],
      link: false,
      epoch: undefined,
    },
    inputs: [SCRATCH, vertex],
    hidden: true,
  });
}

/** `FROM scratch`. */
export const SCRATCH: Vertex = makeVertex({ name: "scratch", operation: { kind: "scratch" }, hidden: true });
