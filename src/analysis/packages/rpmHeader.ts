/** Headers of RPM packages as its database keeps them (rpm 4.x, "Package Header Format": index and store, no magic). */

const TAG = {
  name: 1000,
  version: 1001,
  release: 1002,
  epoch: 1003,
  arch: 1022,
  oldFileNames: 1027,
  dirIndexes: 1116,
  baseNames: 1117,
  dirNames: 1118,
} as const;

const TYPE = { int32: 4, string: 6, stringArray: 8, i18nString: 9 } as const;

const ENTRY_BYTES = 16;
const INTRO_BYTES = 8;

export interface RpmPackage {
  readonly name: string;
  /** `EPOCH:VERSION-RELEASE`, the epoch only where it is not 0. */
  readonly version: string;
  readonly arch: string | undefined;
  /** Absolute, latin1, as in the header. */
  readonly files: readonly string[];
}

interface IndexEntry {
  readonly type: number;
  readonly offset: number;
  readonly count: number;
}

/** Every read is within the blob: what lies outside is as if it were not there. */
class Header {
  readonly #blob: Buffer;
  readonly #entries = new Map<number, IndexEntry>();
  readonly #store: number;
  readonly #end: number;

  constructor(blob: Buffer) {
    this.#blob = blob;
    const entries = blob.length < INTRO_BYTES ? 0 : blob.readUInt32BE(0);
    const storeBytes = blob.length < INTRO_BYTES ? 0 : blob.readUInt32BE(4);
    this.#store = INTRO_BYTES + entries * ENTRY_BYTES;
    this.#end = Math.min(this.#store + storeBytes, blob.length);
    for (let at = INTRO_BYTES; at + ENTRY_BYTES <= Math.min(this.#store, blob.length); at += ENTRY_BYTES) {
      const [type, offset, count] = [blob.readUInt32BE(at + 4), blob.readUInt32BE(at + 8), blob.readUInt32BE(at + 12)];
      this.#entries.set(blob.readUInt32BE(at), { type, offset, count });
    }
  }

  strings(tag: number): readonly string[] {
    const entry = this.#entries.get(tag);
    if (
      entry === undefined ||
      !([TYPE.string, TYPE.stringArray, TYPE.i18nString] as readonly number[]).includes(entry.type)
    ) {
      return [];
    }
    const found: string[] = [];
    let at = this.#store + entry.offset;
    while (found.length < entry.count && at < this.#end) {
      const zero = this.#blob.indexOf(0, at);
      const stop = zero < 0 || zero > this.#end ? this.#end : zero;
      found.push(this.#blob.toString("latin1", at, stop));
      at = stop + 1;
    }
    return found;
  }

  text(tag: number): string | undefined {
    return this.strings(tag)[0];
  }

  numbers(tag: number): readonly number[] {
    const entry = this.#entries.get(tag);
    if (entry?.type !== TYPE.int32) return [];
    const start = this.#store + entry.offset;
    const count = Math.max(0, Math.min(entry.count, Math.floor((this.#end - start) / 4)));
    return Array.from({ length: count }, (_, index) => this.#blob.readUInt32BE(start + index * 4));
  }
}

function filesOf(header: Header): readonly string[] {
  const folders = header.strings(TAG.dirNames);
  const indexes = header.numbers(TAG.dirIndexes);
  const names = header.strings(TAG.baseNames);
  if (names.length === 0) return header.strings(TAG.oldFileNames);
  const files: string[] = [];
  for (const [index, name] of names.entries()) {
    const folder = folders[indexes[index] ?? -1];
    if (folder !== undefined) files.push(`${folder}${name}`);
  }
  return files;
}

/** A header's package; undefined when the blob holds none. Never throws, whatever the bytes. */
export function parseRpmHeader(blob: Buffer, wantsFiles: boolean): RpmPackage | undefined {
  const header = new Header(blob);
  const [name, version, release] = [header.text(TAG.name), header.text(TAG.version), header.text(TAG.release)];
  if (name === undefined || version === undefined) return undefined;
  const [epoch = 0] = header.numbers(TAG.epoch);
  const whole = `${epoch === 0 ? "" : `${epoch}:`}${version}${release === undefined ? "" : `-${release}`}`;
  return { name, version: whole, arch: header.text(TAG.arch), files: wantsFiles ? filesOf(header) : [] };
}
