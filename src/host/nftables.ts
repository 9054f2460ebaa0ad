import { EngineError, ErrorCode } from "#errors";
import { nativeFunction } from "./libc.ts";

const LIBRARY = "libnftables.so.1";
const newContext = nativeFunction<[number]>("uintptr_t nft_ctx_new(uint32_t)", LIBRARY);
const freeContext = nativeFunction<[number]>("void nft_ctx_free(uintptr_t)", LIBRARY);
const bufferError = nativeFunction<[number]>("int nft_ctx_buffer_error(uintptr_t)", LIBRARY);
const bufferOutput = nativeFunction<[number]>("int nft_ctx_buffer_output(uintptr_t)", LIBRARY);
const errorBuffer = nativeFunction<[number]>("uintptr_t nft_ctx_get_error_buffer(uintptr_t)", LIBRARY);
const outputBuffer = nativeFunction<[number]>("uintptr_t nft_ctx_get_output_buffer(uintptr_t)", LIBRARY);
const setOutputFlags = nativeFunction<[number, number]>("void nft_ctx_output_set_flags(uintptr_t, uint32_t)", LIBRARY);
const runCommand = nativeFunction<[number, Buffer]>("int nft_run_cmd_from_buffer(uintptr_t, const void*)", LIBRARY);
const strlen = nativeFunction<[number]>("size_t strlen(uintptr_t)");
const memcpy = nativeFunction<[Buffer, number, number]>("uintptr_t memcpy(void*, uintptr_t, size_t)");

/** libnftables passes strerror(EINTR) on. */
const INTERRUPTED = "Interrupted system call";
const MAX_ATTEMPTS = 50;

/** nftables/libnftables.h */
const OUTPUT = { NONE: 0, JSON_HANDLES: (1 << 4) | (1 << 3) } as const;

function textAt(address: number): string {
  if (address === 0) return "";
  const bytes = Buffer.alloc(strlen.call(address));
  if (bytes.length > 0) memcpy.call(bytes, address, bytes.length);
  return bytes.toString("utf8");
}

/**
 * The kernel's packet filter, without a process: libnftables reads the language of nft(8). A context belongs to the
 * namespace in which it was opened and to one thread. Opening costs 0.1 ms, a rule about as much.
 */
export class Nftables implements Disposable {
  readonly #context: number;

  private constructor(context: number) {
    this.#context = context;
  }

  /** @throws {failed_precondition} MISSING_PROGRAM when the library is not there */
  static open(): Nftables {
    let context: number;
    try {
      context = newContext.call(0);
    } catch (cause) {
      const hint = "Install the package libnftables1.";
      throw new EngineError("failed_precondition", ErrorCode.MISSING_PROGRAM, `networks need ${LIBRARY}`, {
        hint,
        cause,
      });
    }
    if (context === 0) throw new EngineError("internal", ErrorCode.SYSCALL, "nft_ctx_new failed");
    bufferError.call(context);
    bufferOutput.call(context);
    return new Nftables(context);
  }

  /** Performs commands as one transaction: all or none. @throws {internal} with what nft says */
  run(commands: string): void {
    setOutputFlags.call(this.#context, OUTPUT.NONE);
    this.#run(commands);
  }

  /** The answer to a `list` command as libnftables-json(5) has it: the entries of `nftables`. */
  list(command: string): readonly unknown[] {
    setOutputFlags.call(this.#context, OUTPUT.JSON_HANDLES);
    this.#run(command);
    const answer: unknown = JSON.parse(textAt(outputBuffer.call(this.#context)) || "{}");
    const entries: unknown = typeof answer === "object" && answer !== null ? Reflect.get(answer, "nftables") : [];
    return Array.isArray(entries) ? entries : [];
  }

  #run(commands: string): void {
    const text = Buffer.from(`${commands}\0`);
    let said = "";
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      if (runCommand.call(this.#context, text) === 0) return;
      said = textAt(errorBuffer.call(this.#context)).trim();
      // The end of a child process interrupts the main thread's calls; the transaction has not happened then.
      if (!said.includes(INTERRUPTED)) break;
    }
    const [first = "nft failed"] = said.split("\n", 1);
    throw new EngineError("internal", ErrorCode.SYSCALL, `nftables: ${first}`, { details: { said, commands } });
  }

  [Symbol.dispose](): void {
    freeContext.call(this.#context);
  }
}
