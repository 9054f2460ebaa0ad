import { fields } from "./shape.ts";
import type { StructShape } from "./shape.ts";

const CONFIG: StructShape = {
  typeName: "v1.DockerOCIImageConfig",
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
    "Healthcheck?:pointer",
    "OnBuild?:list",
    "Shell?:list",
  ),
};

/** What `GET /images/{name}/json` is to Docker's client 28: moby api/types/image.InspectResponse. */
export const IMAGE_INSPECT: StructShape = {
  typeName: "image.InspectResponse",
  fields: fields(
    { name: "ID", json: "Id", shape: "string" },
    "RepoTags:list",
    "RepoDigests:list",
    "Parent:string",
    "Comment:string",
    "Created?:string",
    "DockerVersion:string",
    "Author:string",
    { name: "Config", shape: CONFIG },
    "Architecture:string",
    "Variant?:string",
    "Os:string",
    "OsVersion?:string",
    "Size:int",
    "VirtualSize?:int",
    { name: "GraphDriver", shape: { typeName: "storage.DriverData", fields: fields("Data:map", "Name:string") } },
    { name: "RootFS", shape: { typeName: "image.RootFS", fields: fields("Type?:string", "Layers?:list") } },
    { name: "Metadata", shape: { typeName: "image.Metadata", fields: fields("LastTagTime?:string") } },
    "Descriptor?:pointer",
    "Manifests?:list",
  ),
};
