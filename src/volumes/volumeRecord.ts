import type { VolumeResource } from "#engineapi";
import { EngineError, ErrorCode } from "#errors";

/** A volume as it is stored. */
export interface VolumeRecord {
  readonly version: 1;
  readonly name: string;
  readonly driver: "local";
  /** RFC 3339 */
  readonly createdAt: string;
  readonly labels: Readonly<Record<string, string>> | null;
  readonly options: Readonly<Record<string, string>> | null;
  /** The container whose creation made it and has not ended yet. */
  readonly madeFor?: string;
  /** Was empty, and gets its first content: what is there after a crash is half of it. */
  readonly filling?: true;
  /** Its directory is going or gone. */
  readonly going?: true;
}

/** The label by which `prune` knows that nobody gave the volume a name. */
export const ANONYMOUS_LABEL = "com.docker.volume.anonymous";

/** @throws {data_loss} when the text is no record of ours. */
export function parseVolumeRecord(text: string): VolumeRecord {
  const value: unknown = JSON.parse(text);
  if (typeof value === "object" && value !== null && Reflect.get(value, "version") === 1) return value as VolumeRecord;
  throw new EngineError("data_loss", ErrorCode.METADATA_CORRUPT, "a volume's record is of an unknown version");
}

/** As the API shows it. */
export function toResource(record: VolumeRecord, mountpoint: string): VolumeResource {
  const { createdAt, driver, labels, name, options } = record;
  const CreatedAt = createdAt.replace(/\.\d+Z$/, "Z");
  return {
    CreatedAt,
    Driver: driver,
    Labels: labels,
    Mountpoint: mountpoint,
    Name: name,
    Options: options,
    Scope: "local",
  };
}
