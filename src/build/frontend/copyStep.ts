import { parseGitReference } from "#dockerfile";
import type { AddInstruction, CopyInstruction, GitReference } from "#dockerfile";
import { EngineError, ErrorCode } from "#errors";
import { parseDigest } from "#oci";
import type { Digest } from "#oci";
import type { CopyAction, FileAction, MakeFile } from "../graph/operation.ts";
import type { Vertex } from "../graph/vertex.ts";
import type { Later } from "./later.ts";
import { gitVertex } from "./mainContext.ts";
import { destinationOf, joinPath } from "./paths.ts";
import { locationOf } from "./planContext.ts";
import type { PlanContext } from "./planContext.ts";
import type { StageState } from "./stage.ts";
import { stepName } from "./stepPlace.ts";
import { makeVertex } from "./vertices.ts";

const SHA256_HEX = 64;

type Transfer = AddInstruction | CopyInstruction;

function refused(message: string): EngineError {
  return new EngineError("invalid_argument", ErrorCode.INVALID_DOCKERFILE, message);
}

/** What a COPY or ADD is made of; input 0 is the base. */
interface Draft {
  readonly inputs: Later<Vertex>[];
  readonly actions: FileAction[];
}

interface Place {
  readonly context: PlanContext;
  readonly state: StageState;
  readonly instruction: Transfer;
  /** Where sources without a scheme come from. */
  readonly source: Later<Vertex>;
  readonly isContext: boolean;
  readonly name: string;
}

function checkMode(mode: string): void {
  const wrong = (): EngineError =>
    refused(`invalid chmod parameter: '${mode}'. it should be octal string and between 0 and 07777`);
  if (/^[0-7]+$/.test(mode)) {
    if (Number.parseInt(mode, 8) > 0o7777) throw wrong();
    return;
  }
  if (/^\d/.test(mode)) throw wrong();
  if (!/^(?:[ugoa]*(?:[-+=](?:[rwxXst]*|[ugo]))+)(?:,[ugoa]*(?:[-+=](?:[rwxXst]*|[ugo]))+)*$/.test(mode))
    throw refused(`invalid mode string "${mode}"`);
}

/** What Go's path.Match would take as a pattern: one that finds nothing is no error. */
const hasWildcard = (source: string): boolean => /[*?[]/.test(source.replace(/\\./gs, ""));

const isUrl = (source: string): boolean => /^https?:\/\//.test(source);

function gitOf(source: string): GitReference | undefined {
  const git = parseGitReference(source);
  return git === undefined || git.likeLocalPath ? undefined : git;
}

function checkChecksum(instruction: Transfer): void {
  if (instruction.kind !== "add" || instruction.checksum === "") return;
  const [source = ""] = instruction.sources;
  if (instruction.sources.length !== 1) throw refused("checksum can't be specified for multiple sources");
  if (!isUrl(source) && gitOf(source) === undefined) throw refused("checksum requires HTTP(S) or Git sources");
}

function inputOf(draft: Draft, vertex: Later<Vertex>): number {
  const known = draft.inputs.indexOf(vertex);
  if (known >= 0) return known + 1;
  draft.inputs.push(vertex);
  return draft.inputs.length;
}

type Common = Pick<CopyAction, "action" | "destination" | "destinationIsDirectory" | "owner" | "mode" | "excludes">;

function commonOf({ state, instruction }: Place): Common {
  const { path, isDirectory } = destinationOf(state.workingDirectory, instruction.destination);
  return {
    action: "copy",
    destination: path,
    destinationIsDirectory: isDirectory,
    owner: instruction.chown === "" ? undefined : instruction.chown,
    mode: instruction.chmod === "" ? undefined : instruction.chmod,
    excludes: instruction.exclude,
  };
}

function addPath(place: Place, draft: Draft, source: string): void {
  const { instruction, isContext } = place;
  const { options } = place.context;
  const parents = instruction.kind === "copy" && instruction.parents;
  const unpack = instruction.kind === "add" ? (instruction.unpack ?? true) : false;
  draft.actions.push({
    ...commonOf(place),
    input: inputOf(draft, place.source),
    sources: [source],
    parents,
    unpack,
    // Of an archive; the owner of a client's directory means nothing here.
    keepOwner: !isContext || (options.context !== undefined && options.contextOwner === "kept"),
    allowNoMatch: hasWildcard(source),
  });
}

function addRemote(place: Place, draft: Draft, vertex: Vertex, source: string): void {
  const { instruction } = place;
  const unpack = instruction.kind === "add" && source !== "/" && instruction.unpack === true;
  draft.actions.push({
    ...commonOf(place),
    input: inputOf(draft, () => vertex),
    sources: [source],
    parents: false,
    unpack,
    keepOwner: false,
    allowNoMatch: false,
  });
}

function addGit(place: Place, draft: Draft, source: string, git: GitReference): void {
  const { instruction, name } = place;
  if (instruction.kind !== "add") throw refused("source can't be a git ref for COPY");
  const { keepGitDir, checksum } = instruction;
  if (keepGitDir !== undefined && git.keepGitDirectory !== undefined && keepGitDir !== git.keepGitDirectory)
    throw refused("inconsistent keep-git-dir configuration");
  if (checksum !== "" && git.checksum !== "" && checksum !== git.checksum)
    throw refused(`checksum mismatch "${checksum}" != "${git.checksum}"`);
  const vertex = gitVertex(source, name, keepGitDir === true);
  if (vertex?.operation.kind !== "git") throw refused(`invalid git context ${source}`);
  const operation = checksum === "" ? vertex.operation : { ...vertex.operation, checksum };
  addRemote(place, draft, makeVertex({ name, operation }), "/");
}

/** A digest, or in Go's words what is wrong with it. */
function checksumOf(text: string): Digest {
  const [, algorithm = "", hex = ""] = /^([a-z0-9]+(?:[+._-][a-z0-9]+)*):([a-zA-Z0-9=_-]+)$/.exec(text) ?? [];
  if (algorithm === "") throw refused("invalid checksum digest format");
  if (algorithm !== "sha256") throw refused("unsupported digest algorithm");
  if (hex.length !== SHA256_HEX) throw refused("invalid checksum digest length");
  if (!/^[0-9a-f]+$/.test(hex)) throw refused("invalid checksum digest format");
  return parseDigest(text);
}

function addUrl(place: Place, draft: Draft, source: string): void {
  const { instruction, name } = place;
  if (instruction.kind !== "add") throw refused("source can't be a URL for COPY");
  const base = new URL(source).pathname.split("/").findLast((part) => part !== "") ?? "";
  const filename = base === "" ? "__unnamed__" : decodeURIComponent(base);
  const vertex = makeVertex({
    name,
    operation: {
      kind: "http",
      url: source,
      checksum: instruction.checksum === "" ? undefined : checksumOf(instruction.checksum),
      filename,
      mode: undefined,
      uid: undefined,
      gid: undefined,
      unpack: false,
    },
  });
  addRemote(place, draft, vertex, filename);
}

function addSource(place: Place, draft: Draft, source: string): void {
  const git = gitOf(source);
  if (git !== undefined) addGit(place, draft, source, git);
  else if (isUrl(source)) addUrl(place, draft, source);
  else addPath(place, draft, source);
}

function addDocuments(place: Place, draft: Draft): void {
  const { path, isDirectory } = destinationOf(place.state.workingDirectory, place.instruction.destination);
  for (const { path: name, data } of place.instruction.contents) {
    const file: MakeFile = {
      action: "makeFile",
      name,
      data,
      destination: path,
      destinationIsDirectory: isDirectory,
      owner: place.instruction.chown === "" ? undefined : place.instruction.chown,
      mode: place.instruction.chmod === "" ? undefined : place.instruction.chmod,
    };
    draft.actions.push(file);
  }
}

/** History's words: flags that count, sources, destination. */
function wordsOf(instruction: Transfer): string {
  const { sources, contents, chown, chmod, destination } = instruction;
  const isParents = instruction.kind === "copy" && instruction.parents;
  return [
    instruction.kind.toUpperCase(),
    ...(isParents ? ["--parents"] : []),
    ...(chown === "" ? [] : [`--chown=${chown}`]),
    ...(chmod === "" ? [] : [`--chmod=${chmod}`]),
    ...sources,
    ...contents.map(({ path }) => `<<${path}`),
    destination,
  ].join(" ");
}

/** Which paths of which source are read, so that only they are asked for. */
function notePaths({ state, instruction, isContext }: Place, from: StageState | undefined): void {
  const into = from?.paths ?? (isContext ? state.contextPaths : undefined);
  for (const source of instruction.sources)
    if (!isUrl(source) && gitOf(source) === undefined) into?.add(joinPath("/", source));
}

/** COPY and ADD: one step that makes one layer. */
export function copyStep(
  context: PlanContext,
  state: StageState,
  instruction: Transfer,
  { source: from, isOnBuild }: { readonly source: StageState | undefined; readonly isOnBuild: boolean },
): void {
  if (from !== undefined && !from.isDone && instruction.kind === "copy") {
    throw refused(
      `cannot copy from stage "${instruction.from}", it needs to be defined before current stage "${state.name}"`,
    );
  }
  if (instruction.chmod !== "") checkMode(instruction.chmod);
  checkChecksum(instruction);
  const name = stepName(context, state, instruction.original, { isOnBuild });
  const source = from?.vertex ?? context.buildContext;
  const place: Place = { context, state, instruction, source, isContext: from === undefined, name };
  const draft: Draft = { inputs: [], actions: [] };
  for (const text of instruction.sources) addSource(place, draft, text);
  addDocuments(place, draft);
  notePaths(place, from);
  state.build((base) =>
    makeVertex({
      name,
      operation: { kind: "file", actions: draft.actions, link: instruction.link, epoch: context.epoch },
      inputs: [base, ...draft.inputs.map((input) => input())],
      ignoreCache: state.ignoreCache,
      location: locationOf(context.dockerfile, instruction.location),
      instruction: instruction.original,
    }),
  );
  state.image?.commit(wordsOf(instruction), { layer: true, isStep: true, epoch: context.epoch });
}
