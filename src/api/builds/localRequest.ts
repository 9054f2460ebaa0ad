import type { LocalBuildLocation, LocalBuildRequest, LocalDirectory } from "#engineapi";
import { EngineError, ErrorCode } from "#errors";

type Fields = Readonly<Record<string, unknown>>;

function refused(where: string): EngineError {
  return new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, `invalid build request: ${where}`);
}

function fieldsOf(value: unknown, where: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw refused(where);
  return { ...value };
}

function textOf(value: unknown, where: string): string {
  if (typeof value !== "string") throw refused(where);
  return value;
}

function mapOf<T>(
  value: unknown,
  where: string,
  read: (item: unknown, where: string) => T,
): Readonly<Record<string, T>> {
  const entries = Object.entries(fieldsOf(value ?? {}, where));
  return Object.fromEntries(entries.map(([key, item]) => [key, read(item, `${where}.${key}`)]));
}

function listOf<T>(value: unknown, where: string, read: (item: unknown, where: string) => T): readonly T[] {
  if (!Array.isArray(value ?? [])) throw refused(where);
  return Array.from(Array.isArray(value) ? value : [], (item: unknown, index) => read(item, `${where}[${index}]`));
}

function locationOf(value: unknown, where: string): LocalBuildLocation {
  const fields = fieldsOf(value, where);
  return {
    type: textOf(fields["type"], `${where}.type`),
    attributes: mapOf(fields["attributes"], `${where}.attributes`, textOf),
  };
}

function directoryOf(value: unknown, where: string): LocalDirectory {
  const fields = fieldsOf(value, where);
  const [path, device, inode] = ["path", "device", "inode"].map((key) => textOf(fields[key], `${where}.${key}`));
  if (path?.startsWith("/") !== true) throw refused(`${where}.path is not absolute`);
  return { path, device: device ?? "", inode: inode ?? "" };
}

/** The body of `POST /varve/v1/build`. @throws {invalid_argument} naming the field */
export function parseLocalBuildRequest(value: unknown): LocalBuildRequest {
  const fields = fieldsOf(value, "no object");
  return {
    ref: textOf(fields["ref"], "ref"),
    attributes: mapOf(fields["attributes"], "attributes", textOf),
    exports: listOf(fields["exports"], "exports", locationOf),
    cacheImports: listOf(fields["cacheImports"], "cacheImports", locationOf),
    cacheExports: listOf(fields["cacheExports"], "cacheExports", locationOf),
    entitlements: listOf(fields["entitlements"], "entitlements", textOf),
    explain: fields["explain"] === true,
    debugShell: fields["debugShell"] === true,
    machine: textOf(fields["machine"] ?? "", "machine"),
    directories: mapOf(fields["directories"], "directories", directoryOf),
  };
}
