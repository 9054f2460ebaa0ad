import type { OpenImage } from "#analysis";
import { openStoredImage } from "#client";
import { parsePlatform } from "#oci";
import type { Session } from "../core/session.ts";

/** What stands on the command line: an image, and which of its platforms. */
export interface Target {
  readonly name: string;
  readonly platform: string;
}

/** Opens an image of the daemon's store. The caller disposes it. */
export async function openTarget(session: Session, { name, platform }: Target): Promise<OpenImage> {
  return openStoredImage(session.client, name, platform === "" ? {} : { platform: parsePlatform(platform) });
}
