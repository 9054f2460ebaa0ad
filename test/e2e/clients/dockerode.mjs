// dockerode's whole round through one engine; IMAGE is a busybox. Ends with 0, or with what was not as it should be.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { PassThrough } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { text } from "node:stream/consumers";

const require = createRequire(process.env.CLIENTS);
const Docker = require("dockerode");
const tar = require("tar-stream");
const docker = new Docker({ socketPath: process.env.DOCKER_HOST.replace("unix://", "") });
const Image = process.env.IMAGE;
const prefix = `dockerode-${process.pid}`;
const undo = [];

function archive(name, body) {
  const pack = tar.pack();
  pack.entry({ name, mode: 0o640 }, body);
  pack.finalize();
  return pack;
}

async function demuxed(stream) {
  const [out, err] = [new PassThrough(), new PassThrough()];
  docker.modem.demuxStream(stream, out, err);
  stream.on("end", () => {
    out.end();
    err.end();
  });
  return Promise.all([text(out), text(err)]);
}

async function main() {
  const events = await docker.getEvents({ filters: { label: [`run=${prefix}`] } });
  const seen = [];
  events.on("data", (chunk) => {
    for (const line of chunk.toString().trim().split("\n")) if (line !== "") seen.push(JSON.parse(line).Action);
  });

  // run with streams apart
  const out = new PassThrough();
  const err = new PassThrough();
  const command = ["sh", "-c", "echo out; echo err >&2; exit 3"];
  const ended = await docker.run(Image, command, [out, err], { Tty: false });
  out.end();
  err.end();
  assert.equal(ended[0].StatusCode, 3);
  assert.equal(await text(out), "out\n");
  assert.equal(await text(err), "err\n");
  await ended[1].remove();

  const volume = await docker.createVolume({ Name: `${prefix}-v`, Labels: { run: prefix } });
  undo.push(() => docker.getVolume(`${prefix}-v`).remove({ force: true }));
  assert.equal((await volume.inspect()).Driver, "local");
  const network = await docker.createNetwork({ Name: `${prefix}-n`, Labels: { run: prefix }, CheckDuplicate: true });
  undo.push(() => network.remove());
  const container = await docker.createContainer({
    Image,
    name: prefix,
    Cmd: ["sh", "-c", "echo ready; trap 'exit 0' TERM; while :; do sleep 1; done"],
    Labels: { run: prefix },
    Env: ["A=1"],
    ExposedPorts: { "80/tcp": {} },
    HostConfig: {
      Binds: [`${prefix}-v:/data`],
      NetworkMode: `${prefix}-n`,
      PortBindings: { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "" }] },
      Memory: 64 << 20,
      RestartPolicy: { Name: "unless-stopped" },
    },
    NetworkingConfig: { EndpointsConfig: { [`${prefix}-n`]: { Aliases: ["alias1"] } } },
  });
  undo.push(() => container.remove({ force: true, v: true }));
  await container.start();
  await assert.rejects(container.start(), { statusCode: 304 });
  const inspected = await container.inspect();
  assert.equal(inspected.State.Running, true);
  assert.equal(inspected.HostConfig.Memory, 64 << 20);
  assert.match(inspected.NetworkSettings.Networks[`${prefix}-n`].IPAddress, /^\d+\.\d+\.\d+\.\d+$/);
  assert.ok(inspected.NetworkSettings.Networks[`${prefix}-n`].Aliases.includes("alias1"));
  assert.match(inspected.NetworkSettings.Ports["80/tcp"][0].HostPort, /^\d+$/);
  assert.equal(inspected.Mounts[0].Name, `${prefix}-v`);

  // exec, with input
  const exec = await container.exec({
    Cmd: ["sh", "-c", "cat; echo done >&2; exit 7"],
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
  });
  const stream = await exec.start({ hijack: true, stdin: true });
  const both = demuxed(stream);
  stream.write("typed\n");
  stream.end();
  assert.deepEqual(await both, ["typed\n", "done\n"]);
  const finished = await exec.inspect();
  assert.equal(finished.ExitCode, 7);
  assert.equal(finished.Running, false);

  // files
  await container.putArchive(archive("hello.txt", "hello"), { path: "/data" });
  const extract = tar.extract();
  const got = new Promise((resolve, reject) => {
    extract.on("entry", (header, body, next) => {
      body.once("end", next);
      text(body).then((content) => resolve({ name: header.name, mode: header.mode, content }), reject);
    });
  });
  (await container.getArchive({ path: "/data/hello.txt" })).pipe(extract);
  assert.deepEqual(await got, { name: "hello.txt", mode: 0o640, content: "hello" });
  await assert.rejects(container.getArchive({ path: "/nope" }), { statusCode: 404 });
  assert.ok((await container.changes()).some(({ Path }) => Path === "/data" || Path.startsWith("/")));

  // observation
  const stats = await container.stats({ stream: false });
  assert.ok(stats.memory_stats.usage > 0);
  assert.ok(stats.cpu_stats.cpu_usage.total_usage > 0);
  assert.equal(stats.memory_stats.limit, 64 << 20);
  const top = await container.top();
  assert.ok(top.Titles.includes("PID") && top.Processes.length >= 1);
  const logs = await container.logs({ stdout: true, stderr: true, timestamps: true });
  assert.match(logs.toString("utf8"), /\d{4}-\d\d-\d\dT.*Z ready/);
  const listed = await docker.listContainers({ filters: { label: [`run=${prefix}`], status: ["running"] } });
  assert.deepEqual(
    listed.map(({ Names }) => Names[0]),
    [`/${prefix}`],
  );

  // life
  await container.pause();
  assert.equal((await container.inspect()).State.Status, "paused");
  await container.unpause();
  await container.update({ Memory: 96 << 20, MemorySwap: 192 << 20 });
  assert.equal((await container.inspect()).HostConfig.Memory, 96 << 20);
  await container.rename({ name: `${prefix}-b` });
  assert.equal((await docker.getContainer(`${prefix}-b`).inspect()).Name, `/${prefix}-b`);
  await container.restart({ t: 5 });
  const other = await docker.createNetwork({ Name: `${prefix}-n2` });
  undo.push(() => other.remove());
  await other.connect({ Container: container.id, EndpointConfig: { Aliases: ["second"] } });
  assert.ok(`${prefix}-n2` in (await container.inspect()).NetworkSettings.Networks);
  assert.ok(container.id in (await other.inspect()).Containers);
  await other.disconnect({ Container: container.id });
  const image = await container.commit({ repo: `${prefix}-i`, tag: "1", comment: "made here" });
  assert.match(image.Id, /^sha256:/);
  const history = await docker.getImage(`${prefix}-i:1`).history();
  assert.equal(history[0].Comment, "made here");
  await docker.getImage(`${prefix}-i:1`).remove();
  const dockerfile = archive("Dockerfile", `FROM ${Image}\nRUN echo built >/b\nCMD ["cat", "/b"]\n`);
  const building = await docker.buildImage(dockerfile, { t: `${prefix}-built:1`, networkmode: "none" });
  const lines = await new Promise((resolve, reject) =>
    docker.modem.followProgress(building, (error, output) => (error === null ? resolve(output) : reject(error))),
  );
  assert.ok(lines.some(({ aux }) => aux?.ID?.startsWith("sha256:")));
  assert.match(lines.at(-1).stream, new RegExp(`^Successfully tagged ${prefix}-built:1\n$`));
  await docker.getImage(`${prefix}-built:1`).remove();
  const [{ StatusCode }] = await Promise.all([container.wait(), container.stop({ t: 5 })]);
  assert.equal(StatusCode, 0);
  const pruned = await docker.pruneContainers({ filters: { label: [`run=${prefix}`] } });
  assert.deepEqual(pruned.ContainersDeleted, [container.id]);
  undo.splice(undo.length - 2, 1);
  // The last event may come behind the answer that it belongs to.
  for (let attempt = 0; attempt < 100 && !seen.includes("destroy"); attempt += 1) await sleep(50);
  events.destroy();
  for (const action of ["create", "start", "pause", "unpause", "rename", "restart", "die", "stop", "destroy"])
    assert.ok(seen.includes(action), `no event ${action} in ${seen.join(" ")}`);
}

let failure;
try {
  await main();
} catch (error) {
  failure = error;
}
for (const step of undo.toReversed())
  await step().catch((error) => {
    if (failure === undefined && error.statusCode !== 404) failure = error;
  });
if (failure !== undefined) {
  console.error(failure);
  // The stream of events may still be open.
  process.exit(1);
}
