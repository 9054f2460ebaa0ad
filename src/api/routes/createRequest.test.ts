import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCreate } from "./createRequest.ts";

test("create request: old clients get what they meant", () => {
  const body = { Image: "x", HostConfig: { AutoRemove: true, Annotations: { a: "b" } } };
  assert.deepEqual(parseCreate(body, 1024).HostConfig, { IpcMode: "shareable" });
  assert.deepEqual(parseCreate(body, 1041).HostConfig, { AutoRemove: true });
  assert.deepEqual(parseCreate(body, 1045).HostConfig, body.HostConfig);
});

test("create request: bodies of another shape are refused in Docker's words", () => {
  const cases: readonly (readonly [unknown, string])[] = [
    [null, "config cannot be empty in order to create a container"],
    [{}, "config cannot be empty in order to create a container"],
    [[], "invalid JSON: json: cannot unmarshal array into Go value of type runconfig.ContainerConfigWrapper"],
    [
      { Image: 5 },
      "invalid JSON: json: cannot unmarshal number into Go struct field ContainerConfigWrapper.Config.Image of type string",
    ],
    [
      { Image: "x", HostConfig: 5 },
      "invalid JSON: json: cannot unmarshal number into Go struct field ContainerConfigWrapper.HostConfig of type container.HostConfig",
    ],
  ];
  for (const [body, message] of cases) assert.throws(() => parseCreate(body, 1045), { message });
});

const MAC = "02:42:ac:11:00:99";

test("create request: before 1.44 the container's MAC address is its only endpoint's, and endpoints have none", () => {
  const networks = (body: object, version = 1043): unknown => {
    const { MacAddress, NetworkingConfig } = parseCreate({ Image: "x", ...body }, version);
    return { MacAddress, NetworkingConfig };
  };
  const endpoints = (EndpointsConfig: object): object => ({ NetworkingConfig: { EndpointsConfig } });
  const moved = (name: string): object => ({ MacAddress: undefined, ...endpoints({ [name]: { MacAddress: MAC } }) });
  assert.deepEqual(networks({ MacAddress: MAC }), moved("bridge"));
  assert.deepEqual(networks({ MacAddress: MAC, ...endpoints({ net: null }) }), moved("net"));
  const own = endpoints({ net: { MacAddress: MAC } });
  assert.deepEqual(networks(own), { MacAddress: undefined, ...endpoints({ net: { MacAddress: "" } }) });
  assert.deepEqual(networks(own, 1044), { MacAddress: undefined, ...own });
  assert.throws(() => networks({ MacAddress: MAC, HostConfig: { NetworkMode: "none" } }), {
    message: "conflicting options: mac-address and the network mode",
  });
});
