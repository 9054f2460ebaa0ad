import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { SolveStatus } from "#engineapi";
import type { LayerInfo } from "#layers";
import { openMetadata } from "#metadata";
import type { Metadata } from "#metadata";
import { digestOf, hexOf, parseDiffId, parseReference } from "#oci";
import type { DiffId, Digest } from "#oci";
import { FileListWriter } from "../files/fileList.ts";
import type { OperationHandler, Step } from "../graph/handler.ts";
import type { ExecOperation, Filesystem, ImageSource, Operation } from "../graph/operation.ts";
import type { Vertex } from "../graph/vertex.ts";
import type { BuildSession } from "../session.ts";
import { BuildProgress } from "./buildProgress.ts";
import type { Handlers } from "./handlers.ts";
import { SharedRuns } from "./sharedRuns.ts";
import { Solver } from "./solver.ts";
import { StepCache } from "./stepCache.ts";

const refuse = (): never => {
  throw new Error("not in this test");
};

/** A client that is asked for nothing. */
export const NO_SESSION: BuildSession = {
  localDirectory: refuse,
  sendDirectory: refuse,
  upload: refuse,
  secret: refuse,
  connectSshAgent: refuse,
  credentials: refuse,
  contentStore: refuse,
  sendTar: refuse,
  sendTree: refuse,
};

const noHandler = <O extends Operation>(): OperationHandler<O> => ({ keyInputs: refuse, run: refuse });

export function diffIdOf(text: string): DiffId {
  return parseDiffId(digestOf(text));
}

/** A RUN whose result is a layer named by what it says. */
export function execVertex(command: string, inputs: readonly Vertex[], more: Partial<Vertex> = {}): Vertex {
  const operation: ExecOperation = {
    kind: "exec",
    arguments: ["/bin/sh", "-c", command],
    environment: [],
    workingDirectory: "/",
    user: "",
    mounts: [],
    network: "default",
    security: "sandbox",
    platform: { os: "linux", architecture: "amd64" },
    limits: { shmSize: undefined, ulimits: [], cgroupParent: undefined },
    hostname: undefined,
    extraHosts: [],
    proxyEnvironment: [],
  };
  return vertexOf(operation, `[1/1] RUN ${command}`, inputs, more);
}

export function imageVertex(name: string, diffIds: readonly DiffId[]): Vertex {
  const operation: ImageSource = {
    kind: "image",
    reference: parseReference(name),
    manifest: undefined,
    imageId: digestOf(name),
    platform: { os: "linux", architecture: "amd64" },
    diffIds,
    origin: "registry",
  };
  return vertexOf(operation, `FROM ${name}`, [], {});
}

export const SCRATCH: Vertex = vertexOf({ kind: "scratch" }, "scratch", [], {});

function vertexOf(operation: Operation, name: string, inputs: readonly Vertex[], more: Partial<Vertex>): Vertex {
  const digest = digestOf(JSON.stringify([operation, inputs.map((input) => input.digest)]));
  return { digest, name, operation, inputs, ignoreCache: false, location: undefined, instruction: name, ...more };
}

type Run = (step: Step<ExecOperation>) => Promise<void>;

/** A daemon's worth of builds without files: layers are names. */
export class FakeBuilds {
  readonly metadata: Metadata;
  readonly cache: StepCache;
  readonly shared: SharedRuns = new SharedRuns();
  /** Layers that are here. */
  readonly layers: Set<DiffId> = new Set<DiffId>();
  /** Commands in the order in which they ended. */
  readonly ran: string[] = [];
  readonly pulled: string[] = [];
  /** What a RUN does while it runs. */
  during: Run = async () => undefined;
  now = 1000;

  constructor(context: TestContext) {
    const folder = mkdtempSync(join(tmpdir(), "varve-solver-"));
    this.metadata = openMetadata(join(folder, "varve.db"));
    context.after(() => {
      this.metadata[Symbol.dispose]();
      rmSync(folder, { recursive: true, force: true });
    });
    const get = (diffId: DiffId): LayerInfo | undefined => (this.layers.has(diffId) ? layerInfo(diffId) : undefined);
    this.cache = new StepCache({ metadata: this.metadata, layers: { get }, now: () => this.now });
  }

  /** A build's solver and all that its client is told. */
  build(options: { readonly signal?: AbortSignal; readonly explain?: boolean } = {}): {
    readonly solver: Solver;
    readonly told: readonly SolveStatus[];
  } {
    const told: SolveStatus[] = [];
    const solver = new Solver(
      { handlers: this.#handlers(), cache: this.cache, shared: this.shared, metadata: this.metadata },
      {
        session: NO_SESSION,
        progress: new BuildProgress((status) => told.push(status)),
        lease: { keepLayer: () => undefined, keepBlob: () => undefined, hold: () => undefined },
        imports: { bring: () => Promise.resolve(undefined) },
        explain: options.explain ?? false,
        place: "here",
        signal: options.signal ?? new AbortController().signal,
      },
    );
    return { solver, told };
  }

  #handlers(): Handlers {
    return {
      image: {
        keyInputs: async ({ operation }) => ({ values: { image: operation.imageId } }),
        run: async ({ operation }) => {
          this.pulled.push(operation.imageId);
          return this.#made(operation.diffIds);
        },
      },
      exec: {
        keyInputs: async ({ operation, inputs: [base] }) => ({
          values: {
            instruction: operation.arguments.join(" "),
            base: base?.kind === "layers" ? base.diffIds.join() : "",
          },
          files: fileListOf("a.txt", digestOf(operation.arguments.join(" "))),
        }),
        run: async (step) => {
          await this.during(step);
          const command = step.operation.arguments.at(-1) ?? "";
          this.ran.push(command);
          const [base] = step.inputs;
          return this.#made([...(base?.kind === "layers" ? base.diffIds : []), diffIdOf(command)]);
        },
      },
      local: noHandler(),
      http: noHandler(),
      git: noHandler(),
      file: noHandler(),
    };
  }

  #made(diffIds: readonly DiffId[]): Filesystem {
    for (const diffId of diffIds) this.layers.add(diffId);
    return { kind: "layers", diffIds };
  }
}

function layerInfo(diffId: DiffId): LayerInfo {
  return {
    diffId,
    tarBytes: 1024,
    contentBytes: 10,
    fileBytes: 2048,
    inodes: 1,
    impliedDirectories: [],
    lowerHardlinks: [],
    whiteoutDirectories: [],
  };
}

function fileListOf(path: string, digest: Digest): Uint8Array {
  const list = new FileListWriter();
  list.add(path, 0o644, hexOf(digest));
  return list.finish();
}
