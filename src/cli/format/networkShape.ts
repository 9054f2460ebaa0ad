import { fields } from "./shape.ts";
import type { StructShape } from "./shape.ts";

const POOL: StructShape = {
  typeName: "network.IPAMConfig",
  fields: fields("Subnet?:string", "IPRange?:string", "Gateway?:string", {
    name: "AuxAddress",
    json: "AuxiliaryAddresses",
    omit: true,
    shape: "map",
  }),
};

const IPAM: StructShape = {
  typeName: "network.IPAM",
  fields: fields("Driver:string", "Options:map", { name: "Config", shape: { of: "list", each: POOL } }),
};

const MEMBER: StructShape = {
  typeName: "network.EndpointResource",
  fields: fields("Name:string", "EndpointID:string", "MacAddress:string", "IPv4Address:string", "IPv6Address:string"),
};

/** What `GET /networks/{id}` is to Docker's client 28: moby api/types/network.Inspect. */
export const NETWORK_INSPECT: StructShape = {
  typeName: "network.Inspect",
  fields: fields(
    "Name:string",
    { name: "ID", json: "Id", shape: "string" },
    "Created:time",
    "Scope:string",
    "Driver:string",
    "EnableIPv4:bool",
    "EnableIPv6:bool",
    { name: "IPAM", shape: IPAM },
    "Internal:bool",
    "Attachable:bool",
    "Ingress:bool",
    { name: "ConfigFrom", shape: { typeName: "network.ConfigReference", fields: fields("Network:string") } },
    "ConfigOnly:bool",
    { name: "Containers", shape: { of: "map", each: MEMBER } },
    "Options:map",
    "Labels:map",
    "Peers?:list",
    "Services?:map",
  ),
};
