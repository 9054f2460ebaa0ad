import { goString } from "../template/goFormat.ts";
import { fields } from "./shape.ts";
import type { CollectionShape, FieldShape, Shape, StructShape } from "./shape.ts";

const listOf = (each: Shape): CollectionShape => ({ of: "list", each });
const mapOf = (each: Shape): CollectionShape => ({ of: "map", each });
const pointerTo = (each: Shape): CollectionShape => ({ of: "pointer", each });
const field = (name: string, shape: Shape, more: Omit<FieldShape, "name" | "shape"> = {}): FieldShape => ({
  name,
  shape,
  ...more,
});

/** Go's `struct{}`, the value of a set. */
const NOTHING: StructShape = { typeName: "struct {}", fields: [] };

const PORT_MAP = mapOf(
  listOf({
    typeName: "nat.PortBinding",
    fields: fields(field("HostIP", "string", { json: "HostIp" }), "HostPort:string"),
  }),
);

const HEALTH: StructShape = {
  typeName: "container.Health",
  fields: fields(
    "Status:string",
    "FailingStreak:int",
    field(
      "Log",
      listOf(
        pointerTo({
          typeName: "container.HealthcheckResult",
          fields: fields("Start:time", "End:time", "ExitCode:int", "Output:string"),
        }),
      ),
    ),
  ),
};

const HEALTHCHECK: StructShape = {
  typeName: "v1.HealthcheckConfig",
  fields: fields(
    "Test?:list",
    "Interval?:duration",
    "Timeout?:duration",
    "StartPeriod?:duration",
    "StartInterval?:duration",
    "Retries?:int",
  ),
};

const optionsOf = (typeName: string, ...list: readonly (string | FieldShape)[]): CollectionShape =>
  pointerTo({ typeName, fields: fields(...list) });

const MOUNT_REQUEST: StructShape = {
  typeName: "mount.Mount",
  fields: fields(
    "Type?:string",
    "Source?:string",
    "Target?:string",
    "ReadOnly?:bool",
    "Consistency?:string",
    field(
      "BindOptions",
      optionsOf(
        "mount.BindOptions",
        "Propagation?:string",
        "NonRecursive?:bool",
        "CreateMountpoint?:bool",
        "ReadOnlyNonRecursive?:bool",
        "ReadOnlyForceRecursive?:bool",
      ),
      { omit: true },
    ),
    field(
      "VolumeOptions",
      optionsOf(
        "mount.VolumeOptions",
        "NoCopy?:bool",
        "Labels?:map",
        "Subpath?:string",
        field("DriverConfig", optionsOf("mount.Driver", "Name?:string", "Options?:map"), { omit: true }),
      ),
      { omit: true },
    ),
    field("ImageOptions", optionsOf("mount.ImageOptions", "Subpath?:string"), { omit: true }),
    field("TmpfsOptions", optionsOf("mount.TmpfsOptions", "SizeBytes?:int", "Mode?:int", "Options?:list"), {
      omit: true,
    }),
    "ClusterOptions?:pointer",
  ),
};

const ULIMITS = listOf({
  typeName: "units.Ulimit",
  fields: fields("Name:string", "Hard:int", "Soft:int"),
  say: ({ Name, Soft, Hard }) => `${goString(Name)}=${goString(Soft)}:${goString(Hard)}`,
});

const THROTTLES = listOf({
  typeName: "blkiodev.ThrottleDevice",
  fields: fields("Path:string", "Rate:int"),
  say: ({ Path, Rate }) => `${goString(Path)}:${goString(Rate)}`,
});

const WEIGHTS = listOf({
  typeName: "blkiodev.WeightDevice",
  fields: fields("Path:string", "Weight:int"),
  say: ({ Path, Weight }) => `${goString(Path)}:${goString(Weight)}`,
});

const STATE: StructShape = {
  typeName: "container.State",
  fields: fields(
    "Status:string",
    "Running:bool",
    "Paused:bool",
    "Restarting:bool",
    "OOMKilled:bool",
    "Dead:bool",
    "Pid:int",
    "ExitCode:int",
    "Error:string",
    "StartedAt:string",
    "FinishedAt:string",
    field("Health", pointerTo(HEALTH), { omit: true }),
  ),
};

const RESOURCES = fields(
  field("CPUShares", "int", { json: "CpuShares" }),
  "Memory:int",
  field("NanoCPUs", "int", { json: "NanoCpus" }),
  "CgroupParent:string",
  "BlkioWeight:int",
  field("BlkioWeightDevice", WEIGHTS),
  field("BlkioDeviceReadBps", THROTTLES),
  field("BlkioDeviceWriteBps", THROTTLES),
  field("BlkioDeviceReadIOps", THROTTLES),
  field("BlkioDeviceWriteIOps", THROTTLES),
  field("CPUPeriod", "int", { json: "CpuPeriod" }),
  field("CPUQuota", "int", { json: "CpuQuota" }),
  field("CPURealtimePeriod", "int", { json: "CpuRealtimePeriod" }),
  field("CPURealtimeRuntime", "int", { json: "CpuRealtimeRuntime" }),
  "CpusetCpus:string",
  "CpusetMems:string",
  field(
    "Devices",
    listOf({
      typeName: "container.DeviceMapping",
      fields: fields("PathOnHost:string", "PathInContainer:string", "CgroupPermissions:string"),
    }),
  ),
  "DeviceCgroupRules:list",
  field(
    "DeviceRequests",
    listOf({
      typeName: "container.DeviceRequest",
      fields: fields("Driver:string", "Count:int", "DeviceIDs:list", "Capabilities:list", "Options:map"),
    }),
  ),
  "KernelMemory?:int",
  "KernelMemoryTCP?:int",
  "MemoryReservation:int",
  "MemorySwap:int",
  "MemorySwappiness:pointer",
  "OomKillDisable:pointer",
  "PidsLimit:pointer",
  field("Ulimits", ULIMITS),
  field("CPUCount", "int", { json: "CpuCount" }),
  field("CPUPercent", "int", { json: "CpuPercent" }),
  "IOMaximumIOps:int",
  "IOMaximumBandwidth:int",
);

const HOST_CONFIG: StructShape = {
  typeName: "container.HostConfig",
  fields: fields(
    "Binds:list",
    "ContainerIDFile:string",
    field("LogConfig", { typeName: "container.LogConfig", fields: fields("Type:string", "Config:map") }),
    "NetworkMode:string",
    field("PortBindings", PORT_MAP),
    field("RestartPolicy", {
      typeName: "container.RestartPolicy",
      fields: fields("Name:string", "MaximumRetryCount:int"),
    }),
    "AutoRemove:bool",
    "VolumeDriver:string",
    "VolumesFrom:list",
    "ConsoleSize:list",
    "Annotations?:map",
    "CapAdd:list",
    "CapDrop:list",
    "CgroupnsMode:string",
    field("DNS", "list", { json: "Dns" }),
    field("DNSOptions", "list", { json: "DnsOptions" }),
    field("DNSSearch", "list", { json: "DnsSearch" }),
    "ExtraHosts:list",
    "GroupAdd:list",
    "IpcMode:string",
    "Cgroup:string",
    "Links:list",
    "OomScoreAdj:int",
    "PidMode:string",
    "Privileged:bool",
    "PublishAllPorts:bool",
    "ReadonlyRootfs:bool",
    "SecurityOpt:list",
    "StorageOpt?:map",
    "Tmpfs?:map",
    "UTSMode:string",
    "UsernsMode:string",
    "ShmSize:int",
    "Sysctls?:map",
    "Runtime?:string",
    "Isolation:string",
    ...RESOURCES,
    field("Mounts", listOf(MOUNT_REQUEST), { omit: true }),
    "MaskedPaths:list",
    "ReadonlyPaths:list",
    "Init?:pointer",
  ),
};

const CONFIG: StructShape = {
  typeName: "container.Config",
  fields: fields(
    "Hostname:string",
    "Domainname:string",
    "User:string",
    "AttachStdin:bool",
    "AttachStdout:bool",
    "AttachStderr:bool",
    field("ExposedPorts", mapOf(NOTHING), { omit: true }),
    "Tty:bool",
    "OpenStdin:bool",
    "StdinOnce:bool",
    "Env:list",
    "Cmd:list",
    field("Healthcheck", pointerTo(HEALTHCHECK), { omit: true }),
    "ArgsEscaped?:bool",
    "Image:string",
    field("Volumes", mapOf(NOTHING)),
    "WorkingDir:string",
    "Entrypoint:list",
    "NetworkDisabled?:bool",
    "MacAddress?:string",
    "OnBuild:list",
    "Labels:map",
    "StopSignal?:string",
    "StopTimeout?:pointer",
    "Shell?:list",
  ),
};

const ENDPOINT: StructShape = {
  typeName: "network.EndpointSettings",
  fields: fields(
    "IPAMConfig:pointer",
    "Links:list",
    "Aliases:list",
    "MacAddress:string",
    "DriverOpts:map",
    "GwPriority:int",
    "NetworkID:string",
    "EndpointID:string",
    "Gateway:string",
    "IPAddress:string",
    "IPPrefixLen:int",
    "IPv6Gateway:string",
    "GlobalIPv6Address:string",
    "GlobalIPv6PrefixLen:int",
    "DNSNames:list",
  ),
};

const NETWORK_SETTINGS: StructShape = {
  typeName: "container.NetworkSettings",
  fields: fields(
    "Bridge:string",
    "SandboxID:string",
    "SandboxKey:string",
    field("Ports", PORT_MAP),
    "HairpinMode:bool",
    "LinkLocalIPv6Address:string",
    "LinkLocalIPv6PrefixLen:int",
    "SecondaryIPAddresses:list",
    "SecondaryIPv6Addresses:list",
    "EndpointID:string",
    "Gateway:string",
    "GlobalIPv6Address:string",
    "GlobalIPv6PrefixLen:int",
    "IPAddress:string",
    "IPPrefixLen:int",
    "IPv6Gateway:string",
    "MacAddress:string",
    field("Networks", mapOf(pointerTo(ENDPOINT))),
  ),
};

const MOUNT: StructShape = {
  typeName: "container.MountPoint",
  fields: fields(
    "Type?:string",
    "Name?:string",
    "Source:string",
    "Destination:string",
    "Driver?:string",
    "Mode:string",
    "RW:bool",
    "Propagation:string",
  ),
};

/** What `GET /containers/{name}/json` is to Docker's client 28: moby api/types/container.InspectResponse. */
export const CONTAINER_INSPECT: StructShape = {
  typeName: "container.InspectResponse",
  fields: fields(
    field("ID", "string", { json: "Id" }),
    "Created:string",
    "Path:string",
    "Args:list",
    field("State", STATE),
    "Image:string",
    "ResolvConfPath:string",
    "HostnamePath:string",
    "HostsPath:string",
    "LogPath:string",
    "Name:string",
    "RestartCount:int",
    "Driver:string",
    "Platform:string",
    "MountLabel:string",
    "ProcessLabel:string",
    "AppArmorProfile:string",
    "ExecIDs:list",
    field("HostConfig", HOST_CONFIG),
    field("GraphDriver", { typeName: "storage.DriverData", fields: fields("Data:map", "Name:string") }),
    "SizeRw?:pointer",
    "SizeRootFs?:pointer",
    field("Mounts", listOf(MOUNT)),
    field("Config", CONFIG),
    field("NetworkSettings", NETWORK_SETTINGS),
    "ImageManifestDescriptor?:pointer",
  ),
};
