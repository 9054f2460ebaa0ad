import { test } from "node:test";
import { missing, snapshotterContract } from "../contract/snapshotterContract.ts";

const need = missing("erofs-file");
if (need === false) snapshotterContract("erofs-file");
else test("snapshotter erofs-file", { skip: need });
