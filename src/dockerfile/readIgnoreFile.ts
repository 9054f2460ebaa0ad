import { invalidDockerfile } from "./dockerfileError.ts";
import { cleanPath } from "./goPath.ts";
import { trimSpace } from "./goSpace.ts";

/** What the line reader of every other builder holds, in bytes. */
const MAX_LINE_BYTES = 65_535;

function cleanPattern(line: string): string {
  const inverted = line.startsWith("!");
  let pattern = inverted ? trimSpace(line.slice(1)) : line;
  if (pattern !== "") pattern = cleanPath(pattern);
  if (pattern.length > 1 && pattern.startsWith("/")) pattern = pattern.slice(1);
  return inverted ? `!${pattern}` : pattern;
}

/**
 * The patterns of a `.dockerignore`: trimmed, as clean paths without a leading `/`, without comments and empty lines,
 * in the file's order. A `#` starts a comment only as the very first character of a line.
 * @throws {invalid_argument} `bufio.Scanner: token too long` for a line of more than 65,535 bytes.
 */
export function readIgnoreFile(text: string): readonly string[] {
  const patterns: string[] = [];
  for (const line of text.replace(/^\uFEFF/, "").split("\n")) {
    if (line.length * 3 > MAX_LINE_BYTES && Buffer.byteLength(line) > MAX_LINE_BYTES) {
      throw invalidDockerfile("bufio.Scanner: token too long");
    }
    const trimmed = trimSpace(line);
    if (line.startsWith("#") || trimmed === "") continue;
    patterns.push(cleanPattern(trimmed));
  }
  return patterns;
}
