import { createRequire } from "node:module";
import type * as KoffiModule from "koffi";

const require = createRequire(import.meta.url);
let koffi: typeof KoffiModule | undefined;

/** Loading koffi costs up to 15 ms cold: it is done by the first native call, not by the import of this room. */
function loadKoffi(): typeof KoffiModule {
  koffi ??= require("koffi") as typeof KoffiModule;
  return koffi;
}

const libraries = new Map<string, KoffiModule.LibraryHandle>();

function loadLibrary(name: string): KoffiModule.LibraryHandle {
  const known = libraries.get(name);
  if (known !== undefined) return known;
  const library = loadKoffi().load(name);
  libraries.set(name, library);
  return library;
}

/** What koffi makes of a prototype: callable, and callable on libuv's pool. */
interface Native {
  (...args: readonly unknown[]): number | bigint;
  async(...argsAndCallback: readonly unknown[]): void;
}

/** A C function, bound when it is first called. */
export interface NativeFunction<Arguments extends readonly unknown[]> {
  /** On this thread. A negative result is a failure; see {@link lastErrno}. */
  call(...args: Arguments): number;
  /** On libuv's pool, for calls that may wait for a disk. */
  callAsync(...args: Arguments): Promise<{ readonly result: number; readonly errno: number }>;
}

/** `prototype` in C, with `int`, `int64_t`, `uint32_t`, `const char*` and `void*` (a Buffer) as types. Throws if the library or symbol is missing. */
export function nativeFunction<Arguments extends readonly unknown[]>(
  prototype: string,
  library = "libc.so.6",
): NativeFunction<Arguments> {
  let bound: Native | undefined;
  const bind = (): Native => {
    bound ??= loadLibrary(library).func(prototype) as Native;
    return bound;
  };
  return {
    call: (...args) => Number(bind()(...args)),
    callAsync: (...args) =>
      new Promise((resolve, reject) => {
        bind().async(...args, (error: unknown, result: number | bigint) => {
          if (error instanceof Error) reject(error);
          else resolve({ result: Number(result), errno: lastErrno() });
        });
      }),
  };
}

/** errno of the last native call on this thread; right only before anything else runs. */
export function lastErrno(): number {
  return loadKoffi().errno();
}

/** A function of C that is known by its address. */
export interface PointedFunction {
  call(...args: readonly number[]): void;
  /** On libuv's pool. */
  callAsync(...args: readonly number[]): Promise<void>;
}

export function functionAt(address: number, prototype: string): PointedFunction {
  const native = loadKoffi().decode(address, loadKoffi().proto(prototype)) as Native;
  return {
    call: (...args) => void native(...args),
    callAsync: (...args) =>
      new Promise((resolve, reject) => {
        native.async(...args, (error: unknown) => {
          if (error instanceof Error) reject(error);
          else resolve();
        });
      }),
  };
}

/** Where a function of this program itself stands: Node exports what addons are meant to use, OpenSSL with it. */
export function addressOfSymbol(name: string): number {
  return Number(loadKoffi().load(null).symbol(name));
}

const memset = nativeFunction<[Uint8Array, number, number]>("uintptr_t memset(void*, int, size_t)");

/** Where the bytes of a view stand in memory; valid while the view's buffer lives. */
export function addressOf(bytes: Uint8Array): number {
  return memset.call(bytes, 0, 0);
}
