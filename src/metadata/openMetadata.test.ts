import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import { categoryOf, ErrorCode, hasCode } from "#errors";
import { openMetadata } from "./openMetadata.ts";

function databasePath(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "varve-metadata-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "varve.db");
}

function fill(path: string, rows: number): void {
  using metadata = openMetadata(path);
  metadata.transaction(() => {
    for (let row = 0; row < rows; row += 1) metadata.settings.put(`key ${row}`, "value".repeat(20));
  });
}

const refusedAs = (category: string, code: string) => (error: unknown) => {
  assert.ok(error instanceof Error);
  assert.equal(error.message.includes("\n"), false);
  return categoryOf(error) === category && hasCode(error, code);
};

describe("openMetadata", () => {
  it("open: keeps what was put, drops ephemeral and expired leases", (context) => {
    const path = databasePath(context);
    {
      using metadata = openMetadata(path);
      metadata.settings.put("driver", "erofs");
      metadata.leases.create({ purpose: "kept" });
      metadata.leases.create({ purpose: "expired", expiresAt: Date.now() - 1 });
      const gone = metadata.leases.create({ purpose: "gone", ephemeral: true });
      metadata.leases.add(gone.id, { kind: "ingest", name: "download" });
    }
    using metadata = openMetadata(path);
    assert.equal(metadata.settings.get("driver"), "erofs");
    assert.deepEqual(
      metadata.leases.list().map((lease) => lease.purpose),
      ["kept"],
    );
    assert.deepEqual(metadata.leases.resources(), []);
  });

  it("open: one clear refusal when someone else has it open", (context) => {
    const path = databasePath(context);
    using metadata = openMetadata(path);
    metadata.settings.put("a", "b");
    assert.throws(() => openMetadata(path), refusedAs("unavailable", ErrorCode.LOCKED));
    assert.equal(metadata.settings.get("a"), "b");
  });

  it("open: another process is refused while this one lives", async (context) => {
    const path = databasePath(context);
    const child = program(path, `process.stdout.write("open"); setInterval(() => {}, 1000);`);
    await Promise.race([once(child.stdout, "data"), once(child, "exit")]);
    assert.throws(() => openMetadata(path), refusedAs("unavailable", ErrorCode.LOCKED));
    child.kill("SIGKILL");
    await once(child, "exit");
    using _metadata = openMetadata(path);
  });

  it("open: refuses what is no SQLite file, and leaves it", (context) => {
    const path = databasePath(context);
    writeFileSync(path, "not a database, but long enough to be looked at as one");
    assert.throws(() => openMetadata(path), refusedAs("failed_precondition", ErrorCode.METADATA_FOREIGN));
    assert.match(readFileSync(path, "utf8"), /^not a database/);
  });

  it("open: refuses another program's SQLite file, and leaves it", (context) => {
    const path = databasePath(context);
    {
      using other = new DatabaseSync(path);
      other.exec("CREATE TABLE theirs (a); PRAGMA user_version = 1");
    }
    const before = readFileSync(path);
    assert.throws(() => openMetadata(path), refusedAs("failed_precondition", ErrorCode.METADATA_FOREIGN));
    assert.deepEqual(readFileSync(path), before);
  });

  it("open: refuses the schema of a newer varve", (context) => {
    const path = databasePath(context);
    fill(path, 1);
    {
      using database = new DatabaseSync(path);
      database.exec("PRAGMA user_version = 999");
    }
    assert.throws(() => openMetadata(path), refusedAs("failed_precondition", ErrorCode.METADATA_NEWER));
  });

  it("open: refuses a damaged or truncated file", (context) => {
    const path = databasePath(context);
    fill(path, 2000);
    const whole = readFileSync(path);
    const damaged = Buffer.from(whole);
    damaged.fill(0xa5, 4096, damaged.byteLength - 4096);
    writeFileSync(path, damaged);
    assert.throws(() => openMetadata(path), refusedAs("data_loss", ErrorCode.METADATA_CORRUPT));
    writeFileSync(path, whole);
    truncateSync(path, whole.byteLength - 3 * 4096);
    assert.throws(() => openMetadata(path), refusedAs("data_loss", ErrorCode.METADATA_CORRUPT));
  });

  it("read: a row that does not parse is data loss, not a wrong value", (context) => {
    const path = databasePath(context);
    fill(path, 1);
    {
      using database = new DatabaseSync(path);
      database.exec("INSERT INTO images VALUES ('r', '{}', 'sha256:short', 1, 1)");
    }
    using metadata = openMetadata(path);
    assert.throws(() => metadata.images.list(), refusedAs("data_loss", ErrorCode.METADATA_CORRUPT));
  });

  it("transaction: all or nothing is there after kill -9 at any moment", async (context) => {
    const path = databasePath(context);
    const body = `
      for (let round = 0; ; round += 1) {
        metadata.transaction(() => {
          for (const key of ["a", "b", "c", "d"]) metadata.settings.put(key, String(round));
        });
        if (round === 20) process.stdout.write("busy");
      }
    `;
    for (const delayMs of [0, 2, 7, 19]) {
      const child = program(path, body);
      await Promise.race([once(child.stdout, "data"), once(child, "exit")]);
      await new Promise((wake) => setTimeout(wake, delayMs));
      child.kill("SIGKILL");
      await once(child, "exit");
      using metadata = openMetadata(path);
      const values = ["a", "b", "c", "d"].map((key) => metadata.settings.get(key));
      assert.equal(new Set(values).size, 1);
      assert.ok(Number(values[0]) >= 20);
    }
  });
});

/** Runs `body` in a process of its own, with `metadata` open on `path`. */
function program(path: string, body: string) {
  const code = `
    import { openMetadata } from "#metadata";
    const metadata = openMetadata(process.argv[1]);
    ${body}
  `;
  return spawn(process.execPath, ["-e", code, path], {
    cwd: resolve(import.meta.dirname, "../.."),
    stdio: ["ignore", "pipe", "inherit"],
  });
}
