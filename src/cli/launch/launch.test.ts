import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { loadConfigFile } from "#client";
import { openCidFile } from "./cidFile.ts";
import { proxyVariables } from "./proxies.ts";

test("cid file: holds the ID, is gone when there is none, is never overwritten", () => {
  const folder = mkdtempSync(join(tmpdir(), "varve-cid-"));
  try {
    const path = join(folder, "cid");
    {
      using _file = openCidFile(path);
    }
    assert.ok(!existsSync(path));
    {
      using file = openCidFile(path);
      file.write("abc");
    }
    assert.equal(readFileSync(path, "utf8"), "abc");
    assert.throws(() => openCidFile(path), /container ID file found, make sure/);
    assert.throws(
      () => openCidFile(join(folder, "no/cid")),
      /failed to create the container ID file: open .*\/no\/cid: no such file or directory/,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("proxies: of this engine, else the default ones, in both spellings", () => {
  const folder = mkdtempSync(join(tmpdir(), "varve-proxy-"));
  try {
    const proxies = { default: { httpProxy: "http://d", noProxy: "" }, "unix:///x": { ftpProxy: "ftp://x" } };
    writeFileSync(join(folder, "config.json"), JSON.stringify({ proxies }));
    const config = loadConfigFile(folder);
    assert.deepEqual(proxyVariables(config, "unix:///y"), { HTTP_PROXY: "http://d", http_proxy: "http://d" });
    assert.deepEqual(proxyVariables(config, "unix:///x"), { FTP_PROXY: "ftp://x", ftp_proxy: "ftp://x" });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
