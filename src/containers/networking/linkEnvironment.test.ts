import assert from "node:assert/strict";
import { test } from "node:test";
import { linkEnvironment } from "./linkEnvironment.ts";

const linked = { alias: "db-a", ownName: "web", address: "172.17.0.5", exposed: [], environment: [] };

test("link environment: ports, name and variables under the alias", () => {
  const environment = ["PATH=/bin", "FOO=bar=1", "HOME=/root", "EMPTY"];
  assert.deepEqual(linkEnvironment({ ...linked, exposed: ["80/tcp", "53/udp"], environment }), [
    "DB_A_PORT=udp://172.17.0.5:53",
    "DB_A_PORT_53_UDP=udp://172.17.0.5:53",
    "DB_A_PORT_53_UDP_ADDR=172.17.0.5",
    "DB_A_PORT_53_UDP_PORT=53",
    "DB_A_PORT_53_UDP_PROTO=udp",
    "DB_A_PORT_80_TCP=tcp://172.17.0.5:80",
    "DB_A_PORT_80_TCP_ADDR=172.17.0.5",
    "DB_A_PORT_80_TCP_PORT=80",
    "DB_A_PORT_80_TCP_PROTO=tcp",
    "DB_A_NAME=/web/db-a",
    "DB_A_ENV_FOO=bar=1",
  ]);
});

test("link environment: three ports in a row are a range, too", () => {
  const lines = linkEnvironment({ ...linked, alias: "db", exposed: ["8002/tcp", "8000/tcp", "8001/tcp"] });
  assert.deepEqual(lines.slice(1, 7), [
    "DB_PORT_8000_TCP_START=tcp://172.17.0.5:8000",
    "DB_PORT_8000_TCP_ADDR=172.17.0.5",
    "DB_PORT_8000_TCP_PROTO=tcp",
    "DB_PORT_8000_TCP_PORT_START=8000",
    "DB_PORT_8000_TCP_END=tcp://172.17.0.5:8002",
    "DB_PORT_8000_TCP_PORT_END=8002",
  ]);
  assert.deepEqual(linkEnvironment(linked), ["DB_A_NAME=/web/db-a"]);
});
