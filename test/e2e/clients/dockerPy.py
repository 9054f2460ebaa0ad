"""docker-py's whole round through one engine; IMAGE is a busybox."""
import io
import os
import tarfile
import docker

client = docker.from_env(timeout=60)
image = os.environ["IMAGE"]
name = "dockerpy-%d" % os.getpid()

assert client.ping()
assert client.version()["ApiVersion"]
assert client.containers.run(image, ["echo", "hello"], remove=True) == b"hello\n"
try:
    client.containers.run(image, ["sh", "-c", "echo bad >&2; exit 5"], remove=True)
    raise SystemExit("a failing container must raise")
except docker.errors.ContainerError as error:
    assert error.exit_status == 5 and error.stderr == b"bad\n", error
try:
    client.containers.run(image, "nope-no-such-program", remove=True)
    raise SystemExit("a missing program must raise")
except docker.errors.APIError as error:
    assert "executable file not found" in str(error), error

network = client.networks.create(name, driver="bridge", labels={"by": name})
volume = client.volumes.create(name)
container = None
try:
    container = client.containers.run(
        image, ["sh", "-c", "echo up; while :; do sleep 1; done"], detach=True, name=name, hostname="host1",
        network=name, volumes={name: {"bind": "/v", "mode": "rw"}}, environment=["X=y"], mem_limit="32m",
        labels={"by": name}, ports={"80/tcp": None}, tmpfs={"/t": "size=1m"}, init=True,
        ulimits=[docker.types.Ulimit(name="nofile", soft=100, hard=200)],
        healthcheck={"test": ["CMD", "true"], "interval": 500000000},
    )
    container.reload()
    assert container.status == "running", container.status
    assert container.attrs["Config"]["Hostname"] == "host1"
    assert container.ports["80/tcp"][0]["HostPort"]
    assert [c.name for c in client.containers.list(filters={"label": "by=" + name})] == [name]
    code, output = container.exec_run(["sh", "-c", "echo out; echo err >&2; ulimit -n"], demux=True)
    assert code == 0 and output == (b"out\n100\n", b"err\n"), (code, output)
    code, _ = container.exec_run("false")
    assert code == 1
    socket = container.exec_run("cat", stdin=True, socket=True)
    socket.output._sock.sendall(b"through the socket\n")
    data = socket.output.read(8 + len(b"through the socket\n"))
    assert data.endswith(b"through the socket\n"), data
    socket.output.close()

    body = b"from a tar"
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo("file.txt")
        member.size = len(body)
        archive.addfile(member, io.BytesIO(body))
    assert container.put_archive("/v", packed.getvalue())
    chunks, stat = container.get_archive("/v/file.txt")
    assert stat["name"] == "file.txt" and stat["size"] == len(body), stat
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
        assert archive.extractfile("file.txt").read() == body

    assert b"up" in container.logs()
    assert next(iter(container.logs(stream=True, follow=True))).startswith(b"up")
    stats = container.stats(stream=False)
    assert stats["memory_stats"]["limit"] == 32 << 20, stats["memory_stats"]
    assert container.top()["Processes"]
    assert container.diff() is not None
    container.pause(); container.unpause()
    container.update(mem_limit="48m", memswap_limit="96m")
    container.rename(name + "-2")
    container.restart(timeout=1)
    made = container.commit(name, "1", message="m", author="a", changes=["ENV Z=1"])
    assert "Z=1" in made.attrs["Config"]["Env"], made.attrs["Config"]["Env"]
    client.images.remove(made.id, force=True)
    assert len(b"".join(container.export())) > 1000
    network.disconnect(container)
    network.connect(container, aliases=["again"])
    network.reload()
    assert [c.id for c in network.containers] == [container.id]
    container.stop(timeout=1)
    assert container.wait()["StatusCode"] in (0, 137, 143)
    seen = [event["Action"] for event in client.events(since=0, until=int(__import__("time").time()) + 1,
            filters={"container": container.id}, decode=True)]
    for action in ("create", "start", "die", "rename", "restart", "update", "commit"):
        assert action in seen, (action, seen)
finally:
    if container is not None:
        container.remove(force=True, v=True)
    network.remove()
    volume.remove(force=True)
assert name not in [v.name for v in client.volumes.list()]

# builds, as libraries ask for them
dockerfile = b"FROM " + image.encode() + b"\nARG WORD=none\nRUN echo $WORD >/word\nCMD [\"cat\", \"/word\"]\n"
built, logs = client.images.build(fileobj=io.BytesIO(dockerfile), tag=name + "-built:1", buildargs={"WORD": "built"},
                                  labels={"a": "b"}, rm=True, network_mode="none")
lines = [line.get("stream", "") for line in logs]
assert any(line.startswith("Step 1/5 : FROM") for line in lines), lines
assert built.tags == [name + "-built:1"] and built.labels == {"a": "b"}, (built.tags, built.labels)
assert client.containers.run(built.id, remove=True, network_mode="none") == b"built\n"
client.images.remove(built.id, force=True)
try:
    client.images.build(fileobj=io.BytesIO(b"FROM " + image.encode() + b"\nRUN exit 5\n"), network_mode="none")
    raise SystemExit("a failing build succeeded")
except docker.errors.BuildError as error:
    assert str(error) == "The command '/bin/sh -c exit 5' returned a non-zero code: 5", str(error)
assert "CachesDeleted" in client.api.prune_builds()
