export type * from "./entry.ts";
export { DEFAULT_TAR_LIMITS } from "./limits.ts";
export { TarScanner } from "./scanner.ts";
export type { TarScannerOptions } from "./scanner.ts";
export { baseNameOf, cleanTarPath, fromDisplayPath, parentOf, toDisplayPath } from "./path.ts";
export { opaquePath, parseWhiteout, whiteoutPath } from "./whiteout.ts";
export type { Whiteout } from "./whiteout.ts";
