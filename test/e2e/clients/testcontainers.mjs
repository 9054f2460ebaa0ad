// testcontainers without Ryuk: wait strategies, exec, copy, networks, logs. IMAGE is a busybox.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

const require = createRequire(process.env.CLIENTS);
const { GenericContainer, Network, Wait } = require("testcontainers");
const image = process.env.IMAGE;

const context = mkdtempSync(join(tmpdir(), "varve-testcontainers-"));
const network = await new Network().start();
const stopped = [];
try {
  const server = await new GenericContainer(image)
    .withNetwork(network)
    .withNetworkAliases("web")
    .withExposedPorts(8080)
    .withCopyContentToContainer([{ content: "<p>hi</p>", target: "/www/index.html" }])
    .withCommand(["sh", "-c", "echo started; exec httpd -f -p 8080 -h /www"])
    .withEnvironment({ KEY: "value" })
    .withWaitStrategy(Wait.forAll([Wait.forListeningPorts(), Wait.forLogMessage("started"), Wait.forHttp("/", 8080)]))
    .withStartupTimeout(60_000)
    .start();
  stopped.push(server);
  const answer = await fetch(`http://${server.getHost()}:${server.getMappedPort(8080)}/`);
  assert.equal(await answer.text(), "<p>hi</p>");
  const { exitCode, output } = await server.exec(["sh", "-c", "echo $KEY; exit 4"]);
  assert.deepEqual([exitCode, output.trim()], [4, "value"]);
  await server.copyContentToContainer([{ content: "later", target: "/www/later.txt" }]);
  assert.equal((await server.exec(["cat", "/www/later.txt"])).output, "later");

  const healthy = await new GenericContainer(image)
    .withNetwork(network)
    .withCommand(["sh", "-c", "sleep 1; touch /ok; sleep 1000"])
    .withHealthCheck({ test: ["CMD-SHELL", "test -f /ok"], interval: 500, timeout: 1000, retries: 20 })
    .withWaitStrategy(Wait.forHealthCheck())
    .start();
  stopped.push(healthy);
  const fetched = await healthy.exec(["wget", "-q", "-O", "-", "http://web:8080/"]);
  assert.equal(fetched.output, "<p>hi</p>", JSON.stringify(fetched));

  const oneShot = await new GenericContainer(image)
    .withCommand(["sleep", "1"])
    .withWaitStrategy(Wait.forOneShotStartup())
    .start();
  stopped.push(oneShot);

  writeFileSync(join(context, "Dockerfile"), `FROM ${image}\nARG WORD\nRUN echo $WORD >/word\nCOPY file /file\n`);
  writeFileSync(join(context, "file"), "from the context");
  const built = await (await GenericContainer.fromDockerfile(context).withBuildArgs({ WORD: "built" }).build())
    .withCommand(["sleep", "1000"])
    .start();
  stopped.push(built);
  assert.equal((await built.exec(["cat", "/word", "/file"])).output, "built\nfrom the context");

  await server.restart();
  assert.equal(await (await fetch(`http://${server.getHost()}:${server.getMappedPort(8080)}/`)).text(), "<p>hi</p>");
} finally {
  for (const container of stopped.toReversed()) await container.stop();
  await network.stop();
  rmSync(context, { recursive: true });
}
