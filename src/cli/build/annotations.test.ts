import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAnnotations } from "./annotations.ts";

test("annotations: places, platforms, and a colon in the value", () => {
  assert.deepEqual(parseAnnotations(["a=b:c=d", "index,manifest[linux/amd64]:k=", "manifest-descriptor:x:y=z"]), [
    { type: "", key: "a", value: "b:c=d" },
    { type: "index", key: "k", value: "" },
    { type: "manifest", platform: "linux/amd64", key: "k", value: "" },
    { type: "manifest-descriptor", key: "x:y", value: "z" },
  ]);
});

test("annotations: wrong ones in buildx's words", () => {
  assert.throws(() => parseAnnotations(["x"]), { message: 'invalid annotation "x", expected key=value' });
  assert.throws(() => parseAnnotations(["other:a=b"]), { message: 'unknown annotation type "other"' });
  assert.throws(() => parseAnnotations(["index[:a=b"]), {
    message: 'invalid annotation type "index[", expected type and optional platform in square brackets',
  });
});
