import { EngineError, messageOf } from "#errors";
import { familiarName, parseReference } from "#oci";
import type { Reference } from "#oci";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";

function parseTarget(text: string): Reference {
  try {
    return parseReference(text);
  } catch (cause) {
    throw new EngineError(
      "invalid_argument",
      "INVALID_REFERENCE",
      `Error parsing reference: ${JSON.stringify(text)} is not a valid repository/tag: ${messageOf(cause)}`,
      { cause },
    );
  }
}

/** `varve tag`. */
export const tag: Command = defineCommand({
  use: "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
  short: "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE",
  examples: "tag debian:12-slim registry.example:5000/base:1",
  args: { min: 2, max: 2 },
  flags: {},
  async run({ session, args: [source = "", target = ""] }) {
    const parsed = parseTarget(target);
    if (parsed.digest !== undefined) {
      throw new EngineError(
        "invalid_argument",
        "INVALID_REFERENCE",
        "refusing to create a tag with a digest reference",
      );
    }
    await session.client.text({
      method: "POST",
      path: `/images/${encodeURIComponent(source)}/tag`,
      query: { repo: familiarName(parsed), tag: parsed.tag ?? "latest" },
    });
    return undefined;
  },
});
