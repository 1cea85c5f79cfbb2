"""Builds with the Docker SDK for Python against DOCKER_HOST; one line for each thing that works."""
import io
import sys

import docker

client = docker.from_env()


def check(name, condition):
    if not condition:
        raise SystemExit("failed: " + name)
    print("ok", name)


image, logs = client.images.build(path=sys.argv[1], tag="py:1", buildargs={"WORD": "python"}, labels={"a": "b"}, rm=True)
check("tags", image.tags == ["py:1"])
check("labels", image.labels == {"a": "b"})
text = "".join(line.get("stream", "") for line in logs)
check("steps", "Step 1/4 : FROM busybox" in text and "Successfully tagged py:1" in text)
check("run", client.containers.run("py:1", remove=True) == b"python\n")

dockerfile = io.BytesIO(b"FROM busybox\nRUN echo alone > /x\n")
image, logs = client.images.build(fileobj=dockerfile, nocache=True)
check("fileobj", client.containers.run(image.id, "cat /x", remove=True) == b"alone\n")

try:
    client.images.build(fileobj=io.BytesIO(b"FROM busybox\nRUN exit 9\n"))
    check("failure raises", False)
except docker.errors.BuildError as error:
    check("failure", "returned a non-zero code: 9" in str(error))
try:
    client.images.build(fileobj=io.BytesIO(b"NONSENSE\n"))
    check("bad Dockerfile raises", False)
except docker.errors.APIError as error:
    check("bad Dockerfile", error.status_code == 400)

messages = list(client.api.build(fileobj=io.BytesIO(b"FROM busybox\nRUN echo streamed\n"), decode=True, nocache=True))
check("aux", [m["aux"]["ID"][:7] for m in messages if "aux" in m] == ["sha256:"])
check("stream", any(m.get("stream") == "streamed\n" for m in messages))
check("prune", "SpaceReclaimed" in client.api.prune_builds())
print("all done")
