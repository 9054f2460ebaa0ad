import type { Step } from "../graph/handler.ts";
import type { Operation } from "../graph/operation.ts";
import type { BuildSession } from "../session.ts";
import { testSession } from "../testRooms.ts";

/** A source being done; `lines` are the status lines that ended. */
export function testStep<O extends Operation>(
  operation: O,
  session: BuildSession = testSession(),
  lines: string[] = [],
): Step<O> {
  return {
    vertex: { digest: "", name: "", operation, inputs: [], ignoreCache: false, location: undefined, instruction: "" },
    operation,
    inputs: [],
    session,
    progress: {
      status: (id, { done }) => {
        if (done === true) lines.push(id);
      },
      log: () => undefined,
    },
    lease: { keepLayer: () => undefined, keepBlob: () => undefined, hold: () => undefined },
    signal: new AbortController().signal,
  };
}
