import type { Call } from "./buildAttributes.ts";

type Response = Readonly<Record<string, string>>;

/** What `--call` prints, and the exit code. */
export function callResult(call: Call, response: Response): { readonly text: string; readonly exitCode: number } {
  const json = response["result.json"];
  if (json === undefined) throw new Error(`the engine gave no answer to --call=${call.name}`);
  const text = call.format === "json" ? `${json}\n` : plainText(call, response["result.txt"] ?? "", json);
  const status = Number(response["result.statuscode"] ?? "0");
  return { text, exitCode: call.ignoreStatus || !Number.isInteger(status) ? 0 : status };
}

function plainText(call: Call, text: string, json: string): string {
  if (call.name !== "lint") return text;
  const parsed = JSON.parse(json) as { readonly warnings?: readonly unknown[] | null };
  const count = parsed.warnings?.length ?? 0;
  if (count === 0) return "Check complete, no warnings found.\n";
  const found = count === 1 ? "1 warning has been found!" : `${count} warnings have been found!`;
  return `Check complete, ${found}\n${text}`;
}
