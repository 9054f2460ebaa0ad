import { EngineError, ErrorCode } from "#errors";

const MAX_LINE_BYTES = 16 << 20;

/**
 * A stream of text → its lines without their ends, empty ones left out. The last line needs no end.
 * @throws {resource_exhausted} when a line is over 16 MiB.
 */
export async function* readLines(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body) {
    rest += decoder.decode(chunk, { stream: true });
    if (rest.length > MAX_LINE_BYTES) {
      throw new EngineError("resource_exhausted", ErrorCode.BAD_REQUEST, "the daemon sent a line over 16 MiB");
    }
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.trim() !== "") yield line;
  }
  if (rest.trim() !== "") yield rest;
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new EngineError("data_loss", ErrorCode.BAD_REQUEST, "the daemon sent a line that is not JSON", { cause });
  }
}

/**
 * A stream of JSON values, one a line → values in order.
 * @throws {data_loss} when a line is not JSON; as {@link readLines}.
 */
export async function* readJsonLines(body: AsyncIterable<Uint8Array>): AsyncGenerator {
  for await (const line of readLines(body)) yield parseLine(line);
}
