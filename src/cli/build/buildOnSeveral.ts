import { formatReference, parseReference, repositoryOf, withDefaultTag } from "#oci";
import type { Reference } from "#oci";
import type { SolveStatus } from "#engineapi";
import { sessionOf } from "../builders/builders.ts";
import type { Builder, PlacedBuild } from "../builders/builders.ts";
import type { Session } from "../core/session.ts";
import { combine, findSource } from "../imagetools/combine.ts";
import { RegistryCalls } from "../registry/registryCalls.ts";
import type { BuildScreen } from "../progress/solveDisplay.ts";
import type { BuildFlags } from "./buildFlags.ts";
import { recordCaches } from "./ociLayout.ts";
import { prepareCall, runBuild } from "./runBuild.ts";
import type { Outcome } from "./runBuild.ts";

interface SeveralWork {
  readonly context: string;
  readonly flags: BuildFlags;
  readonly screen: BuildScreen;
}

interface NodeOutcome extends Outcome {
  readonly digest: string;
  readonly ref: string;
}

const INDEX_DIGEST = "containerimage.digest";

/** Steps of several nodes on one screen: `[far 2/3] RUN make`. */
function marked(status: SolveStatus, node: string): SolveStatus {
  const own = (digest: string): string => `${node}:${digest}`;
  const named = (name: string): string => (name.startsWith("[") ? `[${node} ${name.slice(1)}` : `[${node}] ${name}`);
  return {
    ...status,
    vertexes: (status.vertexes ?? []).map((vertex) => ({
      ...vertex,
      digest: own(vertex.digest),
      name: named(vertex.name),
      inputs: (vertex.inputs ?? []).map(own),
    })),
    statuses: (status.statuses ?? []).map((one) => ({ ...one, vertex: own(one.vertex) })),
    logs: (status.logs ?? []).map((one) => ({ ...one, vertex: own(one.vertex) })),
    warnings: (status.warnings ?? []).map((one) => ({ ...one, vertex: own(one.vertex) })),
  };
}

/** Images lie in several daemons: only a registry can have them as one. */
function checkOutputs(builder: Builder, context: string, flags: BuildFlags): readonly Reference[] {
  const outputs = flags.output.filter((text) => text !== "");
  if (!flags.push || outputs.length > 0 || flags.load) {
    throw new Error(`a build on several nodes of builder ${JSON.stringify(builder.Name)} can be pushed only: --push`);
  }
  if (flags.tag.length === 0) throw new Error("tag is needed when pushing to registry");
  if (context === "-" || flags.file === "-") throw new Error("standard input can be sent to one node only");
  return flags.tag.map((tag) => withDefaultTag(parseReference(tag)));
}

/** A node's own platforms, pushed without a tag. */
function partOf(flags: BuildFlags, { platforms }: PlacedBuild, tags: readonly Reference[]): BuildFlags {
  const repositories = [...new Set(tags.map((tag) => formatReference(repositoryOf(tag))))].join(",");
  const output = `type=image,push=true,push-by-digest=true,"name=${repositories}"`;
  const annotation = flags.annotation.filter((text) => !/^index(?:,|:)/.test(text));
  return { ...flags, platform: platforms, push: false, tag: [], output: [output], annotation };
}

async function runPart(
  session: Session,
  work: SeveralWork,
  at: { readonly builder: Builder; readonly place: PlacedBuild },
): Promise<NodeOutcome> {
  const { node } = at.place;
  const prepared = await prepareCall(session, work.context, work.flags);
  const outcome = await runBuild(session, prepared, {
    update: (status) => work.screen.update(marked(status, node.Name)),
  });
  recordCaches(prepared.request.cacheExports, outcome.response);
  const digest = outcome.response[INDEX_DIGEST] ?? "";
  return { ...outcome, digest, ref: `${at.builder.Name}/${node.Name}/${prepared.request.ref}` };
}

/** The one index over what all nodes pushed, under every tag. */
async function merge(session: Session, work: SeveralWork, parts: readonly NodeOutcome[]): Promise<string> {
  const registry = new RegistryCalls(session);
  const tags = work.flags.tag.map((tag) => withDefaultTag(parseReference(tag)));
  const annotations = work.flags.annotation.filter((text) => /^index(?:,|:)/.test(text));
  const name = `[internal] merging manifest list ${tags.map(formatReference).join(", ")}`;
  const vertex = { digest: name, name, started: new Date().toISOString() };
  work.screen.update({ vertexes: [vertex] });
  let digest = "";
  for (const tag of tags) {
    const sources = parts.map((part) => ({
      reference: parseReference(`${formatReference(repositoryOf(tag))}@${part.digest}`),
      wanted: {},
    }));
    const image = combine(await Promise.all(sources.map((source) => findSource(registry, source))), annotations);
    await registry.put(formatReference(tag), image);
    ({ digest } = image);
  }
  work.screen.update({ vertexes: [{ ...vertex, completed: new Date().toISOString() }] });
  return digest;
}

/** Every node builds its platforms at the same time and pushes them; then the index over them gets the tags. */
export async function buildOnSeveral(
  session: Session,
  work: SeveralWork,
  at: { readonly builder: Builder; readonly places: readonly PlacedBuild[] },
): Promise<Outcome & { readonly ref: string }> {
  const { builder, places } = at;
  const tags = checkOutputs(builder, work.context, work.flags);
  const sessions = places.map((place) => sessionOf(session, place.node));
  try {
    const parts = await Promise.all(
      places.map((place, index) =>
        runPart(sessions[index] ?? session, { ...work, flags: partOf(work.flags, place, tags) }, { builder, place }),
      ),
    );
    const digest = await merge(sessions[0] ?? session, work, parts);
    return {
      response: { [INDEX_DIGEST]: digest, "image.name": tags.map(formatReference).join(",") },
      explanations: parts.flatMap(({ explanations }) => explanations),
      ref: parts[0]?.ref ?? "",
    };
  } finally {
    for (const own of sessions) if (own !== session) await own[Symbol.asyncDispose]();
  }
}
