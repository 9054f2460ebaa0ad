/**
 * The build cache as a whole: what it gives is what a clean build would have made, whatever changed; builds at the same
 * time share their steps; a daemon that is killed among them leaves a cache that works and nothing that hangs.
 * The seed is printed: set VARVE_SEED to repeat.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { mountsBelow, startDaemon } from "./support/daemon.ts";
import type { TestDaemon } from "./support/daemon.ts";
import { pluginConfig } from "./support/engine.ts";
import { busyboxRootfs } from "./support/rootfs.ts";

const SEED = Number(process.env["VARVE_SEED"] ?? Date.now() % 1_000_000);
const CHANGES = Number(process.env["VARVE_CHANGES"] ?? 14);
const KILLS = Number(process.env["VARVE_BUILD_KILLS"] ?? 6);
const BASE = "build-cache-base:1";

/** Names, modes, owners, link targets and content; times are not compared. */
const LISTING = `cd /; for f in $(/bin/busybox find app out | /bin/busybox sort); do
  /bin/busybox stat -c "%N %a %u:%g" "$f"; if [ -f "$f" ]; then /bin/busybox sha256sum < "$f"; fi; done`;

const DOCKERFILE = (word: string): string => `FROM ${BASE} AS made
ARG WORD=${word}
WORKDIR /app
COPY --chown=web sub /app/sub
COPY *.txt ./
RUN mkdir /out && for f in $(/bin/busybox find /app -type f | /bin/busybox sort); do cat $f >> /out/all; done; echo $WORD >> /out/all
RUN rm -rf /app/sub/gone; ls -R /app > /out/names
FROM ${BASE}
COPY --from=made /out /out
COPY --from=made /app/ /app/
`;

function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

describe(`the build cache (seed ${SEED})`, () => {
  const next = random(SEED);
  let daemon: TestDaemon;
  let config: string;
  let folder: string;

  const pick = <T>(list: readonly T[]): T => {
    const found = list[Math.floor(next() * list.length)];
    if (found === undefined) throw new Error("nothing to choose from");
    return found;
  };
  const build = (...args: readonly string[]): Promise<string> =>
    daemon.mustDocker(["build", "-q", ...args, folder], { env: { DOCKER_CONFIG: config } }).then((id) => id.trim());
  const listing = (image: string): Promise<string> =>
    daemon.mustDocker(["run", "--rm", "--network", "none", image, "/bin/sh", "-c", LISTING]);

  before(async () => {
    daemon = await startDaemon();
    config = await pluginConfig();
    folder = mkdtempSync(join(tmpdir(), "varve-e2e-cache-"));
    await daemon.mustDocker(["import", "-", BASE], { input: await busyboxRootfs() });
    mkdirSync(join(folder, "sub/deep"), { recursive: true });
    for (const name of ["a.txt", "b.txt", "sub/one", "sub/two", "sub/deep/three"])
      writeFileSync(join(folder, name), name);
    symlinkSync("one", join(folder, "sub/link"));
    writeFileSync(join(folder, "Dockerfile"), DOCKERFILE("first"));
  });
  after(async () => {
    await daemon[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  /** One change of the context; what it was, for the message of a failure. */
  function change(round: number): string {
    const files = ["a.txt", "b.txt", "sub/one", "sub/two", "sub/deep/three"].filter((name) =>
      existsSync(join(folder, name)),
    );
    const name = pick(files);
    const path = join(folder, name);
    const changes: readonly (() => string)[] = [
      () => (writeFileSync(path, `${name} ${round}`), `other content of ${name}`),
      () => (writeFileSync(path, "same size 01".slice(0, 6)), `short content of ${name}`),
      () => (utimesSync(path, round, round), `a touch of ${name}`),
      () => (chmodSync(path, pick([0o600, 0o644, 0o755])), `mode of ${name}`),
      () => (writeFileSync(join(folder, `sub/new${round}`), "new"), "a new file"),
      () => (writeFileSync(join(folder, `${round}.txt`), "text"), "a new file by wildcard"),
      () => (files.length > 2 ? rmSync(path) : undefined, `without ${name}`),
      () => (
        rmSync(join(folder, "sub/link")), symlinkSync(pick(["one", "two", "/etc"]), join(folder, "sub/link")), "link"
      ),
      () => (
        writeFileSync(join(folder, ".dockerignore"), pick(["sub/two\n", "*.md\n", "sub/new*\n"])), "ignored files"
      ),
      () => (writeFileSync(join(folder, "Dockerfile"), DOCKERFILE(pick(["x", "y"]))), "the argument"),
      () => "nothing",
    ];
    return pick(changes)();
  }

  test("an incremental build equals a clean one, whatever changed", async () => {
    for (let round = 0; round < CHANGES; round += 1) {
      const changed = change(round);
      const incremental = await listing(await build());
      const clean = await listing(await build("--no-cache"));
      assert.equal(incremental, clean, `round ${round}: ${changed}`);
    }
  });

  test("a touch and a second build change nothing", async () => {
    const id = await build();
    utimesSync(join(folder, "Dockerfile"), 1, 1);
    for (const name of readdirSync(folder).filter((entry) => entry.endsWith(".txt")))
      utimesSync(join(folder, name), 5, 5);
    assert.equal(await build(), id);
  });

  test("eight builds at a time share the steps that they have in common", async () => {
    const context = mkdtempSync(join(tmpdir(), "varve-e2e-cache-shared-"));
    writeFileSync(
      join(context, "Dockerfile"),
      `FROM ${BASE}\nRUN sleep 1; head -c 16 /dev/urandom > /shared\nARG N\nRUN echo $N > /own\n`,
    );
    try {
      const ids = await Promise.all(
        Array.from({ length: 8 }, (_, index) =>
          daemon.mustDocker(["build", "-q", "--build-arg", `N=${index}`, context], { env: { DOCKER_CONFIG: config } }),
        ),
      );
      const contents = await Promise.all(
        ids.map((id) =>
          daemon.mustDocker(["run", "--rm", "--network", "none", id.trim(), "/bin/busybox", "md5sum", "/shared"]),
        ),
      );
      assert.equal(new Set(contents).size, 1);
      assert.equal(new Set(ids).size, 8);
    } finally {
      rmSync(context, { recursive: true });
    }
  });

  test(`a daemon that is killed ${KILLS} times among builds leaves a cache that works, and nothing that hangs`, async () => {
    for (let round = 0; round < KILLS; round += 1) {
      change(100 + round);
      const clients = [0, 1].map((index) =>
        spawn("docker", ["build", "-q", "--no-cache-filter", `none${index}`, folder], {
          stdio: "ignore",
          env: { ...process.env, DOCKER_HOST: `unix://${daemon.socket}`, DOCKER_CONFIG: config },
        }),
      );
      const gone = clients.map((client) => once(client, "exit"));
      await sleep(next() * 900);
      await daemon.kill();
      await Promise.all(gone);
      await daemon.start();
      assert.deepEqual(readdirSync(join(daemon.execRoot, "steps")), [], `round ${round}`);
      assert.deepEqual(mountsBelow(daemon.execRoot), [], `round ${round}`);
      const incremental = await listing(await build());
      assert.equal(incremental, await listing(await build("--no-cache")), `round ${round}`);
    }
  });
});
