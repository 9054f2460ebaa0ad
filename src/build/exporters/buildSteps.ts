import { formatReference, withDefaultTag } from "#oci";
import type { Operation } from "../graph/operation.ts";
import type { Vertex } from "../graph/vertex.ts";
import { withoutEmpty } from "./goJson.ts";

type Json = Readonly<Record<string, unknown>>;

/** The result's vertex last, every input before what needs it. */
export function walkGraph(root: Vertex): readonly Vertex[] {
  const seen = new Map<string, Vertex>();
  const visit = (vertex: Vertex): void => {
    if (seen.has(vertex.digest)) return;
    for (const input of vertex.inputs) visit(input);
    seen.set(vertex.digest, vertex);
  };
  visit(root);
  return [...seen.values()];
}

/** The graph as provenance tells it: BuildKit's `llbDefinition`, `step0` first. */
export function buildSteps(vertices: readonly Vertex[]): {
  readonly definition: readonly Json[];
  readonly digests: Json;
  /** step → lines of the Dockerfile */
  readonly locations: Json;
} {
  const names = new Map(vertices.map(({ digest }, index) => [digest, `step${index}`]));
  const nameOf = ({ digest }: Vertex): string => names.get(digest) ?? "";
  const located = vertices.flatMap((vertex): [string, Json][] => {
    const ranges = vertex.location?.ranges ?? [];
    const lines = ranges.map(({ start, end }) => ({ start: { line: start }, end: { line: end } }));
    return lines.length === 0 ? [] : [[nameOf(vertex), { locations: [{ ranges: lines }] }]];
  });
  return {
    definition: vertices.map((vertex) => ({
      id: nameOf(vertex),
      op: { Op: operationOf(vertex.operation), constraints: {} },
      ...withoutEmpty({ inputs: vertex.inputs.map((input) => `${nameOf(input)}:0`) }),
    })),
    digests: Object.fromEntries(names),
    locations: Object.fromEntries(located),
  };
}

function operationOf(operation: Operation): Json {
  switch (operation.kind) {
    case "exec": {
      const { arguments: args, environment: env, workingDirectory: cwd, user } = operation;
      const mounts = [{ input: 0, dest: "/", output: 0 }, ...operation.mounts.map(mountOf)];
      return { exec: { meta: { args, env, cwd, ...withoutEmpty({ user }) }, mounts } };
    }
    case "file":
      return { file: { actions: operation.actions } };
    case "scratch":
      return { source: { identifier: "scratch" } };
    case "merge":
      return { merge: {} };
    case "image":
      return { source: { identifier: `docker-image://${formatReference(withDefaultTag(operation.reference))}` } };
    case "local":
      return { source: { identifier: `local://${operation.name}` } };
    case "http":
      return { source: { identifier: withoutCredentials(operation.url) } };
    case "git":
      return { source: { identifier: `git://${withoutCredentials(operation.remote)}` } };
  }
}

function mountOf(mount: Extract<Operation, { readonly kind: "exec" }>["mounts"][number]): Json {
  return { dest: mount.target, mountType: mount.type.toUpperCase(), ...("id" in mount ? { id: mount.id } : {}) };
}

function withoutCredentials(url: string): string {
  return url.replace(/\/\/[^/@]*@/, "//");
}
