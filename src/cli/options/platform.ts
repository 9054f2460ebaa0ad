import { messageOf } from "#errors";
import { parsePlatform } from "#oci";

/** `linux/arm64/v8` → the JSON that the API takes. @throws {invalid_argument} in containerd's words */
export function platformJson(text: string): string {
  const { os, architecture, variant } = parsePlatform(text);
  return JSON.stringify({ architecture, os, ...(variant === undefined ? {} : { variant }) });
}

/** As {@link platformJson}; nothing for no platform. @throws {Error} `invalid platform: …` */
export function platformParameter(text: string): string | undefined {
  if (text === "") return undefined;
  try {
    return platformJson(text);
  } catch (error) {
    throw new Error(`invalid platform: ${messageOf(error)}`, { cause: error });
  }
}
