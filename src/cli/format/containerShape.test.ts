import assert from "node:assert/strict";
import { test } from "node:test";
import { CONTAINER_INSPECT } from "./containerShape.ts";
import { renderInspect } from "./inspectOutput.ts";

const RAW = JSON.stringify({
  Id: "abc",
  State: { Status: "running", Running: true },
  HostConfig: { Binds: null, RestartPolicy: { Name: "no", MaximumRetryCount: 0 } },
  Config: { Env: null, Volumes: null, Labels: { a: "b" } },
  NetworkSettings: { Ports: { "80/tcp": [{ HostIp: "0.0.0.0", HostPort: "8080" }], "81/tcp": null }, Networks: {} },
});

const render = (wish: string): string => renderInspect([{ raw: RAW, shape: CONTAINER_INSPECT }], wish).text;

test("container inspect: structs print as Go's, nil lists as empty ones", () => {
  assert.equal(render("{{.NetworkSettings.Ports}} {{.Config.Env}}"), "map[80/tcp:[{0.0.0.0 8080}] 81/tcp:[]] []\n");
  assert.equal(render("{{.HostConfig.RestartPolicy}} {{.ID}}"), "{no 0} abc\n");
});

test("container inspect: JSON keeps nil as null", () => {
  assert.equal(
    render("{{json .NetworkSettings.Ports}} {{json .Config.Env}}"),
    '{"80/tcp":[{"HostIp":"0.0.0.0","HostPort":"8080"}],"81/tcp":null} null\n',
  );
});

test("container inspect: a key that a map lacks is no value, a field that the struct lacks is looked for in the JSON", () => {
  assert.equal(render("{{.Config.Labels.zz}} {{.NetworkSettings.Networks.web.IPAddress}}"), "<no value> <no value>\n");
  assert.equal(render("{{.Id}} {{.Config.Env}}"), "abc <no value>\n");
  assert.match(
    renderInspect([{ raw: RAW, shape: CONTAINER_INSPECT }], "{{.Nope}}").failure ?? "",
    /no entry for key "Nope"/,
  );
});
