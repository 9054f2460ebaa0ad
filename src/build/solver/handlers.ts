import type { KeyInputs, OperationHandler, Step } from "../graph/handler.ts";
import type {
  ExecOperation,
  FileOperation,
  Filesystem,
  GitSource,
  HttpSource,
  ImageSource,
  LocalSource,
  Merge,
  Operation,
  Scratch,
} from "../graph/operation.ts";

/** Who does which operation. */
export interface Handlers {
  readonly image: OperationHandler<ImageSource>;
  readonly local: OperationHandler<LocalSource>;
  readonly http: OperationHandler<HttpSource>;
  readonly git: OperationHandler<GitSource>;
  readonly file: OperationHandler<FileOperation>;
  readonly exec: OperationHandler<ExecOperation>;
}

/** A step with its handler: what the solver can do with it whatever its kind. */
export interface BoundStep {
  keyInputs(): Promise<KeyInputs | undefined>;
  run(shared: Pick<Step<Operation>, "progress" | "signal" | "lease" | "takesChanges">): Promise<Filesystem>;
}

function bindTo<O extends Operation>(handler: OperationHandler<O>, step: Step<O>): BoundStep {
  return { keyInputs: () => handler.keyInputs(step), run: (shared) => handler.run({ ...step, ...shared }) };
}

/** An operation that a handler does. */
export type HandledOperation = Exclude<Operation, Scratch | Merge>;

export function bindStep(
  handlers: Handlers,
  operation: HandledOperation,
  step: Omit<Step<Operation>, "operation">,
): BoundStep {
  switch (operation.kind) {
    case "image":
      return bindTo(handlers.image, { ...step, operation });
    case "local":
      return bindTo(handlers.local, { ...step, operation });
    case "http":
      return bindTo(handlers.http, { ...step, operation });
    case "git":
      return bindTo(handlers.git, { ...step, operation });
    case "file":
      return bindTo(handlers.file, { ...step, operation });
    case "exec":
      return bindTo(handlers.exec, { ...step, operation });
  }
}
