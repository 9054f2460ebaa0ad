import assert from "node:assert/strict";
import { test } from "node:test";
import { refuseUnsupported } from "./unsupported.ts";

/** What docker 28.2 sends for `docker run --rm --network none IMAGE true`, as far as it is in question here. */
const FROM_DOCKER = {
  Volumes: {},
  Healthcheck: null,
  HostConfig: {
    Binds: null,
    Mounts: null,
    PortBindings: {},
    RestartPolicy: { Name: "no", MaximumRetryCount: 0 },
    VolumeDriver: "",
    VolumesFrom: null,
    Links: null,
    Devices: [],
    DeviceCgroupRules: null,
    DeviceRequests: null,
    BlkioWeightDevice: [],
    MemorySwappiness: -1,
    OomKillDisable: false,
    UsernsMode: "",
  },
  NetworkingConfig: { EndpointsConfig: { none: { IPAMConfig: null, Links: null, Aliases: null, DriverOpts: {} } } },
};

test("refusal: the empty values that clients send pass", () => {
  refuseUnsupported(FROM_DOCKER);
  refuseUnsupported({});
  refuseUnsupported({ Healthcheck: { Test: ["NONE"] } });
});

const REFUSED: readonly (readonly [object, string])[] = [
  [{ Healthcheck: { Test: ["CMD", "true"] } }, "varve does not support --health-cmd yet (Healthcheck)"],
];
for (const [request, message] of REFUSED) {
  test(`refusal: ${message}`, () => {
    assert.throws(() => refuseUnsupported({ ...request }), { category: "not_implemented", message });
  });
}
