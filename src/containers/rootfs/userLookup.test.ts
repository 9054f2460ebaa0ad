import assert from "node:assert/strict";
import { test } from "node:test";
import { homeOf, lookupUser } from "./userLookup.ts";

const files = {
  passwd: "root:x:0:0:root:/root:/bin/sh\n# comment\n\nweb:x:33:33:web:/var/www:/bin/sh\n1000:x:7:7::/:\n",
  group: "root:x:0:root\nweb:x:33:\nextra:x:44:web,other\nadm:x:4:root\n",
};
const none = { passwd: "", group: "" };

test("user: root with its groups when none is named", () => {
  assert.deepEqual(lookupUser("", files, []), { uid: 0, gid: 0, additionalGids: [0, 0, 4] });
  assert.deepEqual(lookupUser("", none, []), { uid: 0, gid: 0, additionalGids: [0] });
});

test("user: a name has its group and those that list it", () => {
  assert.deepEqual(lookupUser("web", files, []), { uid: 33, gid: 33, additionalGids: [33, 44] });
  assert.deepEqual(lookupUser("33", files, []), { uid: 33, gid: 33, additionalGids: [33, 44] });
});

test("user: a given group stands alone; group-add comes behind", () => {
  assert.deepEqual(lookupUser("web:extra", files, []), { uid: 33, gid: 44, additionalGids: [44] });
  assert.deepEqual(lookupUser("1234:44", files, ["adm", "99"]), { uid: 1234, gid: 44, additionalGids: [44, 4, 99] });
});

test("user: a name of digits is a name first", () => {
  assert.equal(lookupUser("1000", files, []).uid, 7);
});

test("user: unknown names are refused in Docker's words", () => {
  assert.throws(() => lookupUser("nosuch", files, []), {
    message: "unable to find user nosuch: no matching entries in passwd file",
  });
  assert.throws(() => lookupUser("root:nosuch", files, []), {
    message: "unable to find group nosuch: no matching entries in group file",
  });
  assert.throws(() => lookupUser("4294967296", files, []), {
    message: "uids and gids must be in range 0-2147483647",
  });
});

test("home: by the account's number, else the root directory", () => {
  assert.equal(homeOf(33, files), "/var/www");
  assert.equal(homeOf(7, files), "/");
  assert.equal(homeOf(5, none), "/");
});

test("user: an unknown group that was added is named in Docker's words", () => {
  assert.throws(() => lookupUser("", files, ["nosuch"]), {
    category: "internal",
    message: "Unable to find group nosuch: no matching entries in group file",
  });
  assert.throws(() => lookupUser("", files, ["-1"]), { category: "internal" });
});
