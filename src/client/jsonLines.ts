import { EngineError, ErrorCode } from "#errors";

const MAX_LINE_BYTES = 16 << 20;

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new EngineError("data_loss", ErrorCode.BAD_REQUEST, "the daemon sent a line that is not JSON", { cause });
  }
}

/**
 * A stream of JSON values, one a line (CRLF or LF, empty lines skipped) → values in order. The last line needs no end.
 * @throws {data_loss} when a line is not JSON; {resource_exhausted} when one is over 16 MiB.
 */
export async function* readJsonLines(body: AsyncIterable<Uint8Array>): AsyncGenerator {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body) {
    rest += decoder.decode(chunk, { stream: true });
    if (rest.length > MAX_LINE_BYTES) {
      throw new EngineError("resource_exhausted", ErrorCode.BAD_REQUEST, "the daemon sent a line over 16 MiB");
    }
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line.trim() !== "") yield parseLine(line);
    }
  }
  if (rest.trim() !== "") yield parseLine(rest);
}
