"""A small real kernel image: ipykernel and the kit in an environment on Debian's Python."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.servers.docker import Docker

NAME, KERNEL, FINGERPRINT = "jsk-tests/tiny:1", "tiny", "f" * 64
_PACKAGES = "ipykernel rapidfuzz pyyaml rich tqdm tomli-w typer markdown-it-py"
_SPEC = (
    '{"argv": ["/opt/jsk/env/bin/python", "-m", "ipykernel_launcher", "-f", "{connection_file}"],'
    ' "display_name": "Tiny", "language": "python", "env": {"FROM_SPEC": "yes"}}'
)
_DOCKERFILE = f"""\
ARG BASE
FROM $BASE
USER 0:0
RUN --mount=type=secret,id=ca,target=/run/ca.crt \\
    python3 -m venv --without-pip /opt/jsk/env \\
    && if [ -s /run/ca.crt ]; then export PIP_CERT=/run/ca.crt; fi \\
    && python3 -m pip --python /opt/jsk/env/bin/python install --quiet --no-cache-dir {_PACKAGES}
COPY kernel.json /usr/local/share/jupyter/kernels/{KERNEL}/kernel.json
COPY jsk_saver /opt/jsk/env/lib/python3.11/site-packages/jsk_saver
ENV JSK_KERNEL_NAME={KERNEL} JSK_KERNEL_FINGERPRINT={FINGERPRINT}
LABEL io.jsk.kernel.name={KERNEL} io.jsk.kernel.fingerprint={FINGERPRINT} io.jsk.kernel.display-name=Tiny
USER 1000:100
ENTRYPOINT ["/opt/jsk/bin/start-jupyterlab"]
"""


class BuildUnavailable(Exception):
    """The engine failed; the message has its last words."""


@dataclass(frozen=True)
class Built:
    """The image, and the engine that has it."""

    docker_host: str
    base: str
    identifier: str
    name: str = NAME
    kernel: str = KERNEL
    fingerprint: str = FINGERPRINT


@contextmanager
def built(engine: Docker, base: str) -> Iterator[Built]:
    """Build the image on ``base`` in a real engine, and remove it after the block."""
    host = engine.environment["DOCKER_HOST"]
    with tempfile.TemporaryDirectory() as folder:
        _write_context(Path(folder))
        command = ["build", "--quiet", "--network=host", f"--build-arg=BASE={base}", f"--tag={NAME}", folder]
        certificates = os.environ.get("SSL_CERT_FILE") or os.environ.get("PIP_CERT")
        secret = [f"--secret=id=ca,src={certificates}"] if certificates else []
        try:
            _docker(host, command[0], *secret, *command[1:])
        except BuildUnavailable as reason:  # there is no package index
            pytest.skip(str(reason))
        identifier = _docker(host, "image", "inspect", "--format={{.Id}}", NAME)
        try:
            yield Built(host, base, identifier)
        finally:
            _docker(host, "image", "rm", "--force", NAME)


def _write_context(folder: Path) -> None:
    (folder / "Dockerfile").write_text(_DOCKERFILE)
    (folder / "kernel.json").write_text(_SPEC)
    kit = Path(__file__).parents[2] / "jsk_saver"
    shutil.copytree(kit, folder / "jsk_saver", ignore=shutil.ignore_patterns("__pycache__"))


def _docker(host: str, *arguments: str) -> str:
    # Debian's client, which builds with BuildKit inside the engine; others want a plug-in for that.
    program = "/usr/bin/docker" if Path("/usr/bin/docker").exists() else "docker"
    environment = {**os.environ, "DOCKER_HOST": host, "DOCKER_BUILDKIT": "1"}
    done = subprocess.run([program, *arguments], capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise BuildUnavailable(f"docker {arguments[0]}: {done.stderr.strip()[-2000:]}")
    return done.stdout.strip()
