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
