import { EngineError, ErrorCode } from "#errors";
import type { EngineClient } from "#client";
import { containerPath } from "./forEach.ts";

interface WaitAnswer {
  readonly StatusCode: number;
  readonly Error?: { readonly Message: string } | null;
}

/**
 * Registers for a container's end before it starts. The outer promise is the registration (the daemon has answered the
 * head), the inner one the exit code.
 */
export async function watchExit(
  client: EngineClient,
  id: string,
  condition: "next-exit" | "removed" | undefined,
): Promise<{ readonly exitCode: Promise<number> }> {
  const { body } = await client.open({ method: "POST", path: containerPath(id, "/wait"), query: { condition } });
  return { exitCode: readExit(body) };
}

async function readExit(body: AsyncIterable<Uint8Array>): Promise<number> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString("utf8").trim();
  if (text === "") {
    throw new EngineError("unavailable", ErrorCode.DAEMON_UNREACHABLE, "error waiting for container: unexpected EOF");
  }
  const answer = JSON.parse(text) as WaitAnswer;
  const failure = answer.Error?.Message ?? "";
  if (failure !== "")
    throw new EngineError("internal", ErrorCode.RUNTIME_FAILED, `Error waiting for container: ${failure}`);
  return answer.StatusCode;
}
