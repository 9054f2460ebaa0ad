/** The catalog over mounted layers: needs root. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { listMounts } from "#host";
import { filtersOf, openTestRooms } from "../../src/images/testRooms.ts";
import { missing } from "../contract/snapshotterContract.ts";

for (const driver of ["overlay2", "erofs-file", "erofs-loop"] as const) {
  const skip = missing(driver);

  test(`inspect (${driver}): GraphDriver names directories that a person can list, top first`, { skip }, async (t) => {
    const rooms = await openTestRooms(t, { driver });
    await rooms.addImage({ names: ["app"], layers: ["base", "middle", "top"] });
    const { Name, Data } = (await rooms.catalog.inspect("app")).GraphDriver;
    assert.equal(Name, driver.split("-")[0]);
    const directories = [Data?.["UpperDir"] ?? "", ...(Data?.["LowerDir"] ?? "").split(":")];
    assert.deepEqual(
      directories.map((path) => readdirSync(path)),
      [["f2"], ["f1"], ["f0"]],
    );
    assert.equal(readFileSync(join(directories[0] ?? "", "f2"), "utf8"), "top");
    for (const key of ["MergedDir", "WorkDir"]) assert.ok(existsSync(join(Data?.[key] ?? "", "..")), key);
  });

  test(`remove (${driver}): leaves no mount, directory or layer behind`, { skip }, async (t) => {
    const rooms = await openTestRooms(t, { driver });
    await rooms.addImage({ names: ["app"], layers: ["base", "top"] });
    const { Data } = (await rooms.catalog.inspect("app")).GraphDriver;
    await rooms.catalog.remove("app", { force: false, noPrune: false });
    assert.equal(existsSync(Data?.["UpperDir"] ?? ""), false);
    assert.deepEqual(
      (await listMounts()).filter((mount) => JSON.stringify(mount).includes(rooms.directory)),
      [],
    );
    assert.deepEqual(rooms.context.layers.list(), []);
    assert.deepEqual(await rooms.catalog.list({ filters: filtersOf() }), []);
  });
}
