import { fields } from "./shape.ts";
import type { StructShape } from "./shape.ts";

/** Fields of image-spec's Go structs, which buildx gives to templates. @see opencontainers/image-spec specs-go/v1 */
const PLATFORM = [
  { name: "Architecture", json: "architecture", shape: "string" },
  { name: "OS", json: "os", shape: "string" },
  { name: "OSVersion", json: "os.version", shape: "string", omit: true },
  { name: "OSFeatures", json: "os.features", shape: "list", omit: true },
  { name: "Variant", json: "variant", shape: "string", omit: true },
] as const;

const CONFIG: StructShape = {
  typeName: "v1.ImageConfig",
  fields: fields(
    "User?:string",
    "ExposedPorts?:map",
    "Env?:list",
    "Entrypoint?:list",
    "Cmd?:list",
    "Volumes?:map",
    "WorkingDir?:string",
    "Labels?:map",
    "StopSignal?:string",
    "ArgsEscaped?:bool",
  ),
};

const HISTORY: StructShape = {
  typeName: "v1.History",
  fields: fields(
    { name: "Created", json: "created", shape: "time", omit: true },
    { name: "CreatedBy", json: "created_by", shape: "string", omit: true },
    { name: "Author", json: "author", shape: "string", omit: true },
    { name: "Comment", json: "comment", shape: "string", omit: true },
    { name: "EmptyLayer", json: "empty_layer", shape: "bool", omit: true },
  ),
};

/** The config of an image. */
export const OCI_IMAGE: StructShape = {
  typeName: "v1.Image",
  fields: fields(
    { name: "Created", json: "created", shape: "time", omit: true },
    { name: "Author", json: "author", shape: "string", omit: true },
    ...PLATFORM,
    { name: "Config", json: "config", shape: CONFIG },
    {
      name: "RootFS",
      json: "rootfs",
      shape: {
        typeName: "v1.RootFS",
        fields: fields(
          { name: "Type", json: "type", shape: "string" },
          { name: "DiffIDs", json: "diff_ids", shape: "list" },
        ),
      },
    },
    { name: "History", json: "history", shape: { of: "list", each: HISTORY }, omit: true },
  ),
};

/** A descriptor; templates know it as an interface's value. */
export const OCI_DESCRIPTOR: StructShape = {
  typeName: "interface {}",
  fields: fields(
    { name: "MediaType", json: "mediaType", shape: "string" },
    { name: "Digest", json: "digest", shape: "string" },
    { name: "Size", json: "size", shape: "int" },
    { name: "URLs", json: "urls", shape: "list", omit: true },
    { name: "Annotations", json: "annotations", shape: "map", omit: true },
    { name: "Data", json: "data", shape: "string", omit: true },
    {
      name: "Platform",
      json: "platform",
      shape: { of: "pointer", each: { typeName: "v1.Platform", fields: fields(...PLATFORM) } },
      omit: true,
    },
    { name: "ArtifactType", json: "artifactType", shape: "string", omit: true },
  ),
};

/** An index with its own digest and size, as `imagetools inspect` shows it. */
export const DESCRIBED_INDEX: StructShape = {
  typeName: "interface {}",
  fields: fields(
    { name: "SchemaVersion", json: "schemaVersion", shape: "int" },
    { name: "MediaType", json: "mediaType", shape: "string", omit: true },
    { name: "Digest", json: "digest", shape: "string" },
    { name: "Size", json: "size", shape: "int" },
    { name: "Manifests", json: "manifests", shape: { of: "list", each: OCI_DESCRIPTOR } },
    { name: "Annotations", json: "annotations", shape: "map", omit: true },
  ),
};
