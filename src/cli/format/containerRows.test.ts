import assert from "node:assert/strict";
import { test } from "node:test";
import { displayPorts, imageName } from "./containerRows.ts";
import type { ContainerSummary } from "./containerRows.ts";

const port = (PrivatePort: number, PublicPort?: number, IP?: string, Type = "tcp") => ({
  PrivatePort,
  Type,
  ...(PublicPort === undefined ? {} : { PublicPort }),
  ...(IP === undefined ? {} : { IP }),
});

test("ports: exposed ranges, then what is published under its own number, then what is mapped", () => {
  const ports = [
    port(81, 32_776, "127.0.0.1"),
    port(80, 8080, "0.0.0.0"),
    port(80, 8080, "::"),
    port(90),
    port(91),
    port(93),
    port(53, undefined, undefined, "udp"),
    port(7000, 7000, "0.0.0.0"),
    port(7001, 7001, "0.0.0.0"),
  ];
  assert.equal(
    displayPorts(ports),
    "90-91/tcp, 53/udp, 93/tcp, 0.0.0.0:7000-7001->7000-7001/tcp, 0.0.0.0:8080->80/tcp, [::]:8080->80/tcp, 127.0.0.1:32776->81/tcp",
  );
  assert.equal(displayPorts([]), "");
});

test("image of a container: an ID is shortened, a name stays", () => {
  const container = (Image: string): ContainerSummary => ({
    Id: "",
    Names: [],
    Image,
    ImageID: "sha256:0123456789abcdef",
    Command: "",
    Created: 0,
    State: "",
    Status: "",
    Ports: [],
    Labels: {},
  });
  assert.equal(imageName(container("sha256:0123456789abcdef"), false), "0123456789ab");
  assert.equal(imageName(container("sha256:0123456789abcdef"), true), "sha256:0123456789abcdef");
  assert.equal(imageName(container("nginx"), false), "nginx");
});
