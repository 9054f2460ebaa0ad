import { test } from "node:test";
import { missing, snapshotterContract } from "../contract/snapshotterContract.ts";

const need = missing("overlay2");
if (need === false) snapshotterContract("overlay2");
else test("snapshotter overlay2", { skip: need });
