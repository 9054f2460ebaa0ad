import { randomUUID } from "node:crypto";
import { open, unlink } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FileSpan } from "./fileSpan.ts";

/** Files without a name, whose bytes together stay below a bound: they are gone when closed, whatever happens to us. */
export class TemporaryFiles implements AsyncDisposable {
  readonly maxBytes: number;
  readonly #directory: string;
  readonly #open = new Set<TemporaryFile>();
  #bytes = 0;

  constructor(options: { readonly directory?: string | undefined; readonly maxBytes: number }) {
    this.#directory = options.directory ?? tmpdir();
    this.maxBytes = options.maxBytes;
  }

  async create(): Promise<TemporaryFile> {
    const path = join(this.#directory, `varve-${randomUUID()}`);
    const file = await open(path, "wx+", 0o600);
    await unlink(path);
    const temporary = new TemporaryFile(file, (bytes) => this.#reserve(bytes));
    this.#open.add(temporary);
    return temporary;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#open].map((file) => file[Symbol.asyncDispose]()));
    this.#open.clear();
  }

  #reserve(bytes: number): boolean {
    if (this.#bytes + bytes > this.maxBytes) return false;
    this.#bytes += bytes;
    return true;
  }
}

/** One of them, written from its start to its end. */
export class TemporaryFile implements AsyncDisposable {
  readonly #file: FileHandle;
  readonly #reserve: (bytes: number) => boolean;
  #size = 0;
  #isOpen = true;

  constructor(file: FileHandle, reserve: (bytes: number) => boolean) {
    this.#file = file;
    this.#reserve = reserve;
  }

  get span(): FileSpan {
    return { file: this.#file, offset: 0, size: this.#size };
  }

  /** False when the bytes are too many or the disk is full: the file is closed and of no more use. */
  async append(chunk: Uint8Array): Promise<boolean> {
    if (!this.#isOpen || !this.#reserve(chunk.length)) return this.#giveUp();
    try {
      for (let done = 0; done < chunk.length; ) {
        done += (await this.#file.write(chunk, done, chunk.length - done, this.#size + done)).bytesWritten;
      }
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOSPC") return this.#giveUp();
      throw error;
    }
    this.#size += chunk.length;
    return true;
  }

  async #giveUp(): Promise<false> {
    await this[Symbol.asyncDispose]();
    return false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#reserve(-this.#size);
    await this.#file.close();
  }
}
