import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { ImageConfig } from "#oci";
import { failure, namesOf, plan } from "./planTestbed.ts";

/** One Dockerfile and what dockerd made of it (test/fixtures/build-plans/README.md). */
interface Fact {
  readonly name: string;
  readonly dockerfile: string;
  readonly attributes?: Readonly<Record<string, string>>;
  readonly entitlements?: readonly string[];
  readonly files?: Readonly<Record<string, string>>;
  readonly images?: Readonly<Record<string, ImageConfig>>;
  readonly config?: object;
  readonly author?: string;
  /** `- ` before entries without a layer. */
  readonly history?: readonly string[];
  readonly names?: readonly string[];
  readonly error?: string;
  readonly lines?: readonly [start: number, end: number];
}

interface Facts {
  readonly debian: ImageConfig;
  readonly cases: readonly Fact[];
}

const FACTS = new URL("../../../test/fixtures/build-plans/dockerd-26.1.5.json", import.meta.url);
const { debian, cases }: Facts = JSON.parse(readFileSync(FACTS, "utf8"));

/** Without what is empty: dockerd's and our writing of that differ, and mean the same. */
function present(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(present);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, one]) => [key, present(one)] as const);
  return Object.fromEntries(entries.filter(([, one]) => one !== null && one !== "" && one !== false && !isEmpty(one)));
}

function isEmpty(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

for (const fact of cases) {
  test(`plan as dockerd: ${fact.name}`, async () => {
    const { dockerfile, attributes = {}, files = {}, entitlements = [] } = fact;
    const images = { "library/debian": debian, ...fact.images };
    const made = plan(dockerfile, attributes, { files, images, entitlements });
    if (fact.error !== undefined) {
      const error = await failure(made);
      assert.equal(error.message, fact.error);
      if (fact.lines !== undefined) assert.deepEqual(rangesOf(error), [{ start: fact.lines[0], end: fact.lines[1] }]);
      return;
    }
    const { plan: planned, tasks } = await made;
    const [target] = planned.targets;
    assert.ok(target !== undefined);
    const { image } = target;
    const words = image.history
      .filter(({ comment }) => comment === "buildkit.dockerfile.v0")
      .map(({ created_by, empty_layer }) => `${empty_layer === true ? "- " : ""}${created_by}`);
    assert.deepEqual(present(image.config), fact.config);
    assert.deepEqual(words, fact.history);
    assert.equal(image.author, fact.author);
    if (fact.names === undefined) return;
    const shown = [...namesOf(target.vertex), ...tasks].filter(
      (name) => !/^FROM |\] FROM |^\[internal\] (?:load build|preparing inline)/.test(name),
    );
    assert.deepEqual(shown.sort(), fact.names);
  });
}

function rangesOf({ details }: { readonly details?: Readonly<Record<string, unknown>> | undefined }): unknown {
  const source = details?.["source"];
  return typeof source === "object" && source !== null ? Reflect.get(source, "ranges") : undefined;
}
