import { EngineError, ErrorCode, isEngineError } from "#errors";

/** Primary result codes, https://www.sqlite.org/rescode.html */
const SQLITE_BUSY = 5;
const SQLITE_LOCKED = 6;
const SQLITE_IOERR = 10;
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_CANTOPEN = 14;
const SQLITE_CONSTRAINT = 19;
const SQLITE_NOTADB = 26;

function primaryCode(error: unknown): number {
  if (!(error instanceof Error)) return 0;
  const code: unknown = Reflect.get(error, "errcode");
  return typeof code === "number" ? code & 0xff : 0;
}

/** What `node:sqlite` throws → one clear EngineError; our own errors pass unchanged. */
export function toMetadataError(error: unknown): unknown {
  if (isEngineError(error)) return error;
  const why = error instanceof Error ? error.message : String(error);
  switch (primaryCode(error)) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return new EngineError("unavailable", ErrorCode.LOCKED, "the metadata database is in use by another process", {
        cause: error,
      });
    case SQLITE_FULL:
      return new EngineError("resource_exhausted", ErrorCode.NO_SPACE, "no space left on device", { cause: error });
    case SQLITE_CORRUPT:
      return new EngineError("data_loss", ErrorCode.METADATA_CORRUPT, `the metadata database is damaged: ${why}`, {
        cause: error,
      });
    case SQLITE_NOTADB:
      return foreignFile("it is no SQLite file", error);
    case SQLITE_CONSTRAINT:
      return new EngineError("conflict", ErrorCode.METADATA_CONFLICT, `metadata: ${why}`, { cause: error });
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
      return new EngineError("internal", ErrorCode.METADATA_IO, `the metadata database cannot be used: ${why}`, {
        cause: error,
      });
    default:
      return error;
  }
}

/** The file at the database's place was not made by us. */
export function foreignFile(why: string, cause?: unknown): EngineError {
  return new EngineError(
    "failed_precondition",
    ErrorCode.METADATA_FOREIGN,
    `the metadata database is not ours: ${why}`,
    { cause, hint: "Move the file away, or give another --data-root." },
  );
}
