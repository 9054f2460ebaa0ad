import { test } from "node:test";
import { missing, snapshotterContract } from "../contract/snapshotterContract.ts";

const need = missing("erofs-loop");
if (need === false) snapshotterContract("erofs-loop");
else test("snapshotter erofs-loop", { skip: need });
