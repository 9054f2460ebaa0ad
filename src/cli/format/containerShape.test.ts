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

test("container inspect: maps that were never made are null in JSON, and print as empty ones", () => {
  assert.equal(render("{{json .Config.Volumes}} {{json .HostConfig.Tmpfs}} {{.Config.Volumes}}"), "null null map[]\n");
  assert.equal(render("{{len .HostConfig.Sysctls}}{{if .Config.Volumes}}x{{end}}"), "0\n");
});

test("container inspect: durations, limits and mounts have Go's order and words", () => {
  const raw = JSON.stringify({
    HostConfig: {
      Ulimits: [{ Soft: 1, Name: "nofile", Hard: 2 }],
      BlkioDeviceReadBps: [{ Path: "/dev/a", Rate: 5 }],
      Mounts: [{ Target: "/t", Type: "volume", VolumeOptions: { NoCopy: true, DriverConfig: {} } }],
    },
    Config: { Healthcheck: { Interval: 5e9, Test: ["CMD", "x"] } },
  });
  const shown = (wish: string): string => renderInspect([{ raw, shape: CONTAINER_INSPECT }], wish).text;
  assert.equal(shown("{{.HostConfig.Ulimits}} {{.HostConfig.BlkioDeviceReadBps}}"), "[nofile=1:2] [/dev/a:5]\n");
  assert.equal(shown("{{json .HostConfig.Ulimits}}"), '[{"Name":"nofile","Hard":2,"Soft":1}]\n');
  assert.equal(shown("{{.Config.Healthcheck}}"), "{[CMD x] 5s 0s 0s 0s 0}\n");
  assert.equal(shown("{{json .Config.Healthcheck}}"), '{"Test":["CMD","x"],"Interval":5000000000}\n');
  assert.equal(
    shown("{{json .HostConfig.Mounts}}"),
    '[{"Type":"volume","Target":"/t","VolumeOptions":{"NoCopy":true,"DriverConfig":{}}}]\n',
  );
});
