/** `varve build --debug-shell`: the failed step's filesystem and mounts, by a real terminal. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT, startDaemon } from "./support/daemon.ts";
import { busyboxRootfs } from "./support/rootfs.ts";

const DOCKERFILE = `FROM box:1
ENV A=b
WORKDIR /w
RUN --mount=type=bind,target=/context --mount=type=bind,from=box:1,source=/etc,target=/written,rw \\
    --mount=type=cache,target=/cache --mount=type=tmpfs,target=/memory,size=1m \\
    --mount=type=secret,id=s,target=/secret,env=S \\
    --network=none echo kept > /cache/kept; touch /written/new; exit 7
`;
/** One line of output each; the quotes keep the echo of what was typed apart. */
const LOOK = `echo "at"=$PWD,$A,$S; ls /context; cat /cache/kept /secret; ls -d /written/new "/"written/group
touch /context/x; grep -c memory /proc/mounts; touch /written/mine && echo "wr"ote; ls /sys/class/net; exit 3
`;

test("debug shell: sees the mounts of the step that failed, and leaves nothing", async () => {
  const folder = mkdtempSync(join(tmpdir(), "varve-debug-shell-"));
  await using daemon = await startDaemon();
  try {
    await daemon.mustDocker(["import", "-", "box:1"], { input: await busyboxRootfs() });
    writeFileSync(join(folder, "Dockerfile"), DOCKERFILE);
    writeFileSync(join(folder, "secret"), "hush");
    const command = `'${ROOT}/bin/varve' -H 'unix://${daemon.socket}' build --debug-shell --progress=plain --secret id=s,src=secret .`;
    const terminal = spawn("script", ["-qec", command, "/dev/null"], {
      cwd: folder,
      stdio: ["pipe", "pipe", "inherit"],
    });
    const shown: string[] = [];
    terminal.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      const before = shown.join("").includes("A shell where the step began (/bin/sh):");
      shown.push(chunk);
      if (!before && shown.join("").includes("A shell where the step began (/bin/sh):")) terminal.stdin.write(LOOK);
    });
    const [code] = (await once(terminal, "close")) as [number];
    const output = shown.join("").replaceAll("\r", "");
    assert.equal(code, 1, output);
    for (const line of ["at=/w,b,hush", "Dockerfile", "kept", "/written/group", "wrote", "lo"])
      assert.match(output, new RegExp(`^.*${line}$`, "m"), line);
    assert.match(output, /Read-only file system/);
    assert.doesNotMatch(output, /^\/written\/new$/m);
    assert.equal(await daemon.mustVarve(["ps", "-aq"]), "");
    assert.equal(await daemon.mustVarve(["images", "-aq", "--filter", "dangling=true"]), "");
    const scratch = join(daemon.dataRoot, "buildkit", "steps");
    assert.ok(!readFileSync("/proc/self/mounts", "utf8").includes(scratch));
  } finally {
    rmSync(folder, { recursive: true });
  }
});
