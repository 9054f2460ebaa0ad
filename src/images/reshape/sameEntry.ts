import type { MergedView, ViewEntry } from "#layers";

export interface EntryInView {
  readonly view: MergedView;
  readonly entry: ViewEntry;
}

/** True when two files, links, devices or directories are the same but for their times and, of directories, what is in them. */
export async function isSameEntry(a: EntryInView, b: EntryInView): Promise<boolean> {
  const [x, y] = [a.entry.stat, b.entry.stat];
  if (x.type !== y.type || x.mode !== y.mode || x.uid !== y.uid || x.gid !== y.gid) return false;
  if (x.device.major !== y.device.major || x.device.minor !== y.device.minor) return false;
  if (!sameXattrs(a.view.xattrs(a.entry), b.view.xattrs(b.entry))) return false;
  if (x.type === "symlink") return a.view.readlink(a.entry) === b.view.readlink(b.entry);
  return x.type !== "file" || (x.size === y.size && (await sameBytes(a, b)));
}

function sameXattrs(a: ReadonlyMap<string, Uint8Array>, b: ReadonlyMap<string, Uint8Array>): boolean {
  return a.size === b.size && [...a].every(([name, value]) => equals(value, b.get(name)));
}

function equals(a: Uint8Array, b: Uint8Array | undefined): boolean {
  return b !== undefined && Buffer.compare(a, b) === 0;
}

/** Both are equally long. */
async function sameBytes(a: EntryInView, b: EntryInView): Promise<boolean> {
  const other = b.view.readFile(b.entry)[Symbol.asyncIterator]();
  let held: Uint8Array = new Uint8Array(0);
  try {
    for await (const chunk of a.view.readFile(a.entry)) {
      for (let at = 0; at < chunk.length; ) {
        if (held.length === 0) held = (await other.next()).value ?? held;
        const length = Math.min(held.length, chunk.length - at);
        if (length === 0 || Buffer.compare(held.subarray(0, length), chunk.subarray(at, at + length)) !== 0)
          return false;
        held = held.subarray(length);
        at += length;
      }
    }
    return true;
  } finally {
    await other.return?.();
  }
}
