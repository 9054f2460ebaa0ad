import type { LocalBuildLocation } from "#engineapi";
import { parseReference } from "#oci";
import { goQuote, notABoolean, parseGoBoolean } from "#gotext";
import { csvFields } from "../options/csv.ts";

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** A secret of the command line; its bytes come from a file or a variable. */
export interface SecretSpec {
  readonly id: string;
  readonly file: string;
  readonly variable: string;
}

/** `-o`; `destination` stays with us. */
export interface OutputSpec {
  readonly type: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly destination: string;
}

/** An agent's socket, or keys. */
export interface SshSpec {
  readonly id: string;
  readonly paths: readonly string[];
}

function pair(field: string, refuse: (field: string) => Error): readonly [key: string, value: string] {
  const at = field.indexOf("=");
  if (at < 0) throw refuse(field);
  return [field.slice(0, at), field.slice(at + 1)];
}

const badValue = (field: string): Error => new Error(`invalid value ${field}`);

/** `--secret id=a,src=/f`. @throws {Error} in buildx's words */
export function parseSecret(text: string): SecretSpec {
  let fields: readonly string[];
  try {
    fields = csvFields(text);
  } catch (error) {
    throw new Error(`failed to parse csv secret: ${messageOf(error)}`, { cause: error });
  }
  let [id, file, variable, type] = ["", "", "", ""];
  for (const field of fields) {
    const [name, value] = pair(field, () => new Error(`invalid field '${field}' must be a key=value pair`));
    const key = name.toLowerCase();
    if (key === "type") {
      if (value !== "file" && value !== "env") throw new Error(`unsupported secret type ${goQuote(value)}`);
      type = value;
    } else if (key === "id") id = value;
    else if (key === "src" || key === "source") file = value;
    else if (key === "env") variable = value;
    else throw new Error(`unexpected key '${key}' in '${field}'`);
  }
  if (type === "env" && variable === "") [variable, file] = [file, ""];
  return { id, file, variable };
}

/** `--ssh default=/run/agent.sock`. */
export function parseSsh(text: string): SshSpec {
  const at = text.indexOf("=");
  if (at < 0) return { id: text, paths: [] };
  return { id: text.slice(0, at), paths: text.slice(at + 1).split(",") };
}

/** `-o`: a directory, `-`, or `type=…,dest=…`. @throws {Error} in buildx's words */
export function parseOutput(text: string): OutputSpec {
  const fields = csvFields(text);
  if (fields.length === 1 && fields[0] === text && !text.startsWith("type=")) {
    return { type: text === "-" ? "tar" : "local", attributes: {}, destination: text };
  }
  const attributes: Record<string, string> = {};
  let [type, destination] = ["", ""];
  for (const field of fields) {
    const [name, value] = pair(field, badValue);
    const key = name.toLowerCase().trim();
    if (key === "type") type = value;
    else if (key === "dest") destination = value;
    else attributes[key] = value;
  }
  if (type === "") throw new Error("type is required for output");
  return { type, attributes, destination };
}

function cacheEntry(text: string): LocalBuildLocation {
  const attributes: Record<string, string> = {};
  let type = "";
  for (const field of csvFields(text)) {
    const [name, value] = pair(field, badValue);
    const key = name.toLowerCase();
    if (key === "type") type = value;
    else attributes[key] = value;
  }
  if (type === "") throw new Error(`type required for ${goQuote(text)}`);
  return { type, attributes };
}

/** `--cache-from`, `--cache-to`: references, or `type=…`. @throws {Error} in buildx's words */
export function parseCaches(list: readonly string[]): readonly LocalBuildLocation[] {
  return list.flatMap((text) => {
    if (text === "") return [];
    if (text.includes("=")) return [cacheEntry(text)];
    return csvFields(text).map((ref) => ({ type: "registry", attributes: { ref } }));
  });
}

function csvText(pairs: readonly (readonly [string, string])[]): string {
  const field = (text: string): string => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  return pairs.map(([key, value]) => field(`${key}=${value}`)).join(",");
}

function attestation(text: string): readonly [type: string, value: string | undefined] {
  const attributes: (readonly [string, string])[] = [];
  let [type, disabled] = ["", false];
  for (const field of csvFields(text)) {
    const [name, value] = pair(field, badValue);
    const key = name.toLowerCase().trim();
    if (key === "type") type = value;
    else if (key === "disabled") {
      const parsed = parseGoBoolean(value);
      if (parsed === undefined) throw new Error(notABoolean(value));
      disabled = parsed;
    } else attributes.push([key, value]);
  }
  if (type === "") throw new Error(`attestation type not specified`);
  return [type, disabled ? undefined : csvText([["type", type], ...attributes])];
}

/** The value of `--provenance` or `--sbom` as `--attest` would have it: `true`, `false`, or attributes. */
function shorthand(type: string, value: string): string {
  const wanted = parseGoBoolean(value);
  if (wanted === undefined) return `type=${type},${value}`;
  return wanted ? `type=${type}` : `type=${type},disabled=true`;
}

/** `--attest`, `--provenance`, `--sbom` → wanted attestations by type; undefined: expressly none. @throws {Error} */
export function parseAttestations(flags: {
  readonly attest: readonly string[];
  readonly provenance: string;
  readonly sbom: string;
}): ReadonlyMap<string, string | undefined> {
  const given = [
    ...flags.attest,
    ...(flags.provenance === "" ? [] : [shorthand("provenance", flags.provenance)]),
    ...(flags.sbom === "" ? [] : [shorthand("sbom", flags.sbom)]),
  ];
  const found = new Map<string, string | undefined>();
  for (const [type, value] of given.map(attestation)) {
    if (found.has(type)) throw new Error(`duplicate attestation field ${type}`);
    found.set(type, value);
  }
  return found;
}

/** `--build-context name=path` → by name. @throws {Error} in buildx's words */
export function parseNamedContexts(list: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    list.map((text) => {
      const [name, value] = pair(text, () => new Error(`invalid context value: ${text}, expected key=value`));
      try {
        parseReference(name);
      } catch (error) {
        throw new Error(`invalid context name ${name}: ${messageOf(error)}`, { cause: error });
      }
      return [name.replace(/:latest$/, ""), value];
    }),
  );
}

/** `-t` as it is sent: checked, not completed. @throws {Error} in buildx's words */
export function checkTag(tag: string): string {
  try {
    parseReference(tag);
  } catch (error) {
    throw new Error(`invalid tag ${goQuote(tag)}: ${messageOf(error)}`, { cause: error });
  }
  return tag;
}

/** `--add-host a:1.2.3.4` or `a=1.2.3.4` → `a=1.2.3.4`. @throws {Error} in buildx's words */
export function hostPair(text: string): string {
  const separator = text.includes("=") ? "=" : ":";
  const at = text.indexOf(separator);
  if (at <= 0 || at === text.length - 1) throw new Error(`invalid host ${text}`);
  const address = text.slice(at + 1).replace(/^\[(.*)\]$/, "$1");
  return `${text.slice(0, at)}=${address}`;
}
