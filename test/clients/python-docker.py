"""Uses the Docker SDK for Python against DOCKER_HOST as its own tests do; one line for each thing that works."""
import docker

client = docker.from_env()


def check(name, condition):
    if not condition:
        raise SystemExit("failed: " + name)
    print("ok", name)


check("ping", client.ping())
check("version", client.version()["Os"] == "linux")
check("run", client.containers.run("busybox", "echo hello", remove=True) == b"hello\n")
try:
    client.containers.run("busybox", "sh -c 'echo oops >&2; exit 3'", remove=True)
    check("failure raises", False)
except docker.errors.ContainerError as error:
    check("exit status", error.exit_status == 3 and b"oops" in error.stderr)

container = client.containers.run("busybox", "sh -c 'while true; do echo tick; sleep 0.1; done'", detach=True, name="py", labels={"a": "b"})
check("list", [c.name for c in client.containers.list(filters={"label": "a=b"})] == ["py"])
check("exec", container.exec_run("sh -c 'echo out; echo err >&2'", demux=True).output == (b"out\n", b"err\n"))
check("exec exit code", container.exec_run("sh -c 'exit 4'").exit_code == 4)
line = next(container.logs(stream=True, follow=True))
check("logs stream", line.startswith(b"tick"))
check("top", any("sleep" in " ".join(p) or "sh" in " ".join(p) for p in container.top()["Processes"]))
container.pause()
container.reload()
check("paused", container.status == "paused")
container.unpause()
socket = container.exec_run("cat", stdin=True, socket=True).output
socket._sock.sendall(b"raw\n")
header = socket._sock.recv(8)
check("exec socket", header[0] == 1 and socket._sock.recv(4) == b"raw\n")
socket._sock.close()
container.stop(timeout=0)
check("wait", container.wait()["StatusCode"] == 137)
container.remove()

volume = client.volumes.create("pyvol")
client.containers.run("busybox", "sh -c 'echo v > /v/f'", volumes={"pyvol": {"bind": "/v", "mode": "rw"}}, remove=True)
check("volume", client.containers.run("busybox", "cat /v/f", volumes={"pyvol": {"bind": "/v", "mode": "ro"}}, remove=True) == b"v\n")
volume.remove()

image = client.images.get("busybox")
check("tag", image.tag("pybox", "v1"))
image = client.images.get("pybox:v1")
archive = b"".join(image.save(named="pybox:v1"))
client.images.remove("pybox:v1")
check("load", "pybox:v1" in client.images.load(archive)[0].tags)
client.images.remove("pybox:v1")
check("networks", sorted(n.name for n in client.networks.list()) == ["bridge", "host", "none"])
try:
    client.containers.get("nobody")
    check("not found raises", False)
except docker.errors.NotFound as error:
    check("not found", "No such container: nobody" in error.explanation)
print("all done")
