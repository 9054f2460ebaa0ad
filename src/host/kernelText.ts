import { closeSync, openSync, readSync } from "node:fs";

const buffer = Buffer.allocUnsafe(64 << 10);

/**
 * A file of /proc or of a cgroup, as latin1: half of readFileSync's calls, since what the kernel makes on the fly has no size to
 * ask for. Its texts come whole in one read unless they are longer than a page.
 * @throws {Error} with the code of the call that failed
 */
export function readKernelText(path: string): string {
  const file = openSync(path, "r");
  try {
    let text = "";
    for (;;) {
      const bytes = readSync(file, buffer, 0, buffer.byteLength, null);
      text += buffer.toString("latin1", 0, bytes);
      if (bytes < SHORT) return text;
    }
  } finally {
    closeSync(file);
  }
}

/** The kernel fills a page before it lets a reader ask again; lines that did not fit make it somewhat less. */
const SHORT = 2048;
