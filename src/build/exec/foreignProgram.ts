import { formatPlatform, hostPlatform } from "#oci";
import type { Platform } from "#oci";

/** What the kernel says of a program of another machine, as a runtime passes it on: all that such a step ever says. */
const REFUSED = /^exec [^\n]*: exec format error\n$/;

/** Looks out for programs that this machine cannot run. */
export class ForeignProgram {
  readonly #platform: Platform;
  #isRefused = false;

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  hear(bytes: Uint8Array): void {
    if (REFUSED.test(Buffer.from(bytes).toString("latin1"))) this.#isRefused = true;
  }

  /** What is missing; undefined: nothing of this kind. */
  get complaint(): string | undefined {
    const host = hostPlatform();
    if (!this.#isRefused || this.#platform.architecture === host.architecture) return undefined;
    const [foreign, own] = [this.#platform, host].map(({ os, architecture }) => formatPlatform({ os, architecture }));
    return `programs for ${foreign} do not run on ${own}: no emulator is registered with binfmt_misc (on Debian: qemu-user-static and binfmt-support)`;
  }
}
