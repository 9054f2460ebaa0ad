import { answerOf, columns, type SubrequestAnswer } from "./answer.ts";

interface Subrequest {
  readonly name: string;
  readonly description: string;
  readonly opts: readonly { readonly name: string; readonly description: string }[] | null;
}

const SUBREQUESTS: readonly Subrequest[] = [
  {
    name: "frontend.outline",
    description: "List all parameters current build target supports",
    opts: [{ name: "target", description: "Target build stage" }],
  },
  { name: "frontend.targets", description: "List all targets current build supports", opts: [] },
  { name: "frontend.subrequests.describe", description: "List available subrequest types", opts: null },
];

const METADATA = ["result.json", "result.txt"].map((name) => ({ name, description: "" }));

/** Answer to `frontend.subrequests.describe`: what may be asked; checks are not told, as in BuildKit. */
export function describeAnswer(): SubrequestAnswer {
  const version = "1.0.0";
  const result = SUBREQUESTS.map(({ name, description, opts }) => {
    return { name, version, type: "rpc", description, opts, inputs: null, metadata: METADATA, refs: null };
  });
  const rows = SUBREQUESTS.map(({ name, description }) => [name.replace(/^frontend\./, ""), version, description]);
  return answerOf(result, columns([["NAME", "VERSION", "DESCRIPTION"], ...rows], 1));
}
