"""What kernel images are measured with: an engine, a registry, a base, an experiment, two that attach."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

from bench.server import environment
from jsk_ci import build, candidates, lockfile, project, push, registry, resources
from jsk_ci.builders import choosing
from jsk_ci.registry import Repository
from jsk_ci.skeleton import locks
from tests.ci import small_base
from tests.ci.package_index import PackageIndex
from tests.servers import rootfs
from tests.servers.counting import Counted
from tests.servers.docker import Docker
from tests.servers.registry import Registry

ROOT = Path(__file__).parent.parent
PACKAGE = "measured"
#: How often an image is built anew.
ROUNDS = 3
_KERNEL = """
[tool.jsk.kernel]
name = "{name}"
{parent}
"""
_BLOCK = """\
[[package]]
name = "{name}"
version = "{version}"
description = ""
optional = false
python-versions = "*"
groups = ["main"]
files = [
    {{file = "{file}", hash = "sha256:{digest}"}},
]
"""
_EXPERIMENT = """\
[project]
name = "iris"
version = "1.0"
requires-python = ">=3.11,<3.12"
dependencies = ["measured"]

[tool.poetry]
package-mode = false
"""


class World:
    """A Docker engine with a base in it that has been pushed to a registry.

    Parameters
    ----------
    folder
        Where projects are.
    """

    rounds = ROUNDS

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            tar = rootfs.make()
            engine = stack.enter_context(Docker())
            engine.call("import", "-", "debian:1", stdin=tar)
            self.server = stack.enter_context(Registry())
            self.wire = stack.enter_context(Counted(self.server.host))
            host = self.wire.endpoint.removeprefix("http://")
            self.where, debian = f"{host}/kernels", f"{host}/debian:1"
            engine.call("tag", "debian:1", debian)
            engine.call("push", debian)
            self.index = stack.enter_context(PackageIndex(self.folder / "index"))
            more = {"PIP_EXTRA_INDEX_URL": self.index.url, "DOCKER_BUILDKIT": "1"}
            stack.enter_context(environment({**engine.environment, **more}))
            for number in range(1, ROUNDS + 3):  # before an installer remembers what the index has
                self.wheel(f"{number}.0")
            self.builder = choosing.choose("docker")
            self._base = small_base.write(self.folder / "kit", debian)
            self.base = self.build(self._base)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def wheel(self, version: str) -> Path:
        """Return the package's wheel: half a megabyte of Python that is like no other version's."""
        file = self.index.folder / "simple" / PACKAGE / f"{PACKAGE}-{version}-py3-none-any.whl"
        if not file.exists():
            dice = random.Random(version)  # the same in every run
            lines = [
                f"def function_{number}(value):\n    return value + {dice.random()!r}\n\n"
                for number in range(8_000)
            ]
            self.index.add(PACKAGE, version, code="".join(lines))
        return file

    def experiment(self, version: str) -> Path:
        """Return an experiment's folder: the base, and one version of the package."""
        folder = self.folder / f"experiment-{version}"
        text = _EXPERIMENT + _KERNEL.format(name="iris", parent=f'base = "{self.base}"')
        if not folder.exists():
            self._write(folder, text, "", version)
        return folder

    def whole(self, version: str) -> Path:
        """Return a base's folder whose lock is the base's and the package: all of it in one image."""
        folder = self._base.parent / f"whole-{version}"
        text = (self._base / "pyproject.toml").read_text().replace('"ipykernel"', f'"{PACKAGE}", "ipykernel"')
        if not folder.exists():
            self._write(folder, text.replace('name = "base"', 'name = "whole"'), self._blocks(), version)
            (folder / "build-constraints.txt").write_text((self._base / "build-constraints.txt").read_text())
        return folder

    def _blocks(self) -> str:
        whole = (resources.folder("kernels") / "base" / "poetry.lock").read_text()
        told = tomllib.loads((self._base / "pyproject.toml").read_text())
        return locks.derive(whole, told).partition("[metadata]")[0]

    def _write(self, folder: Path, text: str, blocks: str, version: str) -> None:
        folder.mkdir(parents=True)
        (folder / "pyproject.toml").write_text(text)
        wheel = self.wheel(version)
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        block = _BLOCK.format(name=PACKAGE, version=version, file=wheel.name, digest=digest)
        content = tomllib.loads(text)
        metadata = locks._METADATA.format(
            version="2.1",
            python=content["project"]["requires-python"],
            digest=lockfile.content_hash(content, with_groups=True),
        )
        (folder / "poetry.lock").write_text(f"{blocks}\n{block}\n{metadata}")

    def build(self, folder: Path, *, fresh: bool = False) -> str:
        """Build an image and push it as a pipeline does; return it, pinned."""
        order = build.order(project.read(folder), self.builder, into=self.where)
        image = build.carry_out(order, self.builder, fresh=fresh)
        pinned = candidates.push(image, self.builder)
        repository = Repository(registry.of(self.where, order.kernel.name))
        push.push(repository, order.inputs.fingerprint, str(pinned.digest))
        return str(pinned)

    def deliver(self, folder: Path) -> tuple[int, int]:
        """Build and push an image; return how many bytes were sent, and how many the registry kept."""
        order = build.order(project.read(folder), self.builder, into=self.where)
        image = build.carry_out(order, self.builder)
        before, sent = self._kept(), self.wire.sent
        pinned = candidates.push(image, self.builder)
        sent, kept = self.wire.sent - sent, self._kept() - before
        repository = Repository(registry.of(self.where, order.kernel.name))
        push.push(repository, order.inputs.fingerprint, str(pinned.digest))
        return sent, kept

    def image(self, folder: Path) -> tuple[str, str]:
        """Return what the engine calls an image, and its kernelspec's name."""
        order = build.order(project.read(folder), self.builder, into=self.where)
        return order.reference, order.kernel.name

    def _kept(self) -> int:
        blobs = (self.server.folder / "data").glob("docker/registry/v2/blobs/sha256/*/*/data")
        return sum(file.stat().st_size for file in blobs)


class Worker:
    """Another repository's job, in a process of its own."""

    def __init__(self, place: str) -> None:
        command = [sys.executable, "-m", "tests.ci.attach_worker", place, "5"]
        paths = os.pathsep.join([str(ROOT), str(ROOT / "ci")])
        self._process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, "PYTHONPATH": paths}, text=True, bufsize=1,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def tell(self, line: str) -> None:
        """Ask for something."""
        assert self._process.stdin
        self._process.stdin.write(line + "\n")

    def hear(self) -> str:
        """Wait for the answer."""
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("a process that attaches has ended")
        return line.strip()

    def end(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()


@contextmanager
def two_workers(domain: str) -> Iterator[tuple[dict[str, Worker], Callable[[], dict[str, Any]]]]:
    """Yield two processes that attach two images, and what tells which version the domain offers of each."""
    import moto  # noqa: F401 - the server is a process of its own; whether it is there is asked here

    from tests.servers.moto import Moto
    from tests.servers.one_by_one import atomic
    from tests.servers.studio import Studio

    with ExitStack() as stack:
        s3 = stack.enter_context(atomic(stack.enter_context(Moto())))
        studio = stack.enter_context(Studio(looks=0))
        studio.state.add_domain(domain)
        names = ("iris", "rose")
        stack.enter_context(environment({**s3.environment(), **studio.environment()}))
        for name in names:
            for number in (1, 2):
                _publish(studio, name, number)
        place = f"s3://{s3.new_bucket()}/jsk-ci/"
        workers = {name: Worker(place) for name in names}
        for worker in workers.values():
            stack.callback(worker.end)
            worker.hear()

        def offered() -> dict[str, Any]:
            block = studio.state.domains[domain]["DefaultUserSettings"].get("JupyterLabAppSettings", {})
            found = {
                entry["ImageName"]: entry["ImageVersionNumber"] for entry in block.get("CustomImages", ())
            }
            return {name: found.get(name) for name in names}

        yield workers, offered


def _publish(studio: Any, name: str, number: int) -> None:
    from jsk_ci.references import Reference
    from jsk_ci.studio import client, forms, publish
    from jsk_ci.studio.patience import Patience

    reference = Reference.parse(f"registry.example.org/kernels/{name}@sha256:{number:064x}")
    role = "arn:aws:iam::123456789012:role/studio"
    wanted = publish.Wanted(name, name.title(), reference, role, f"build {number}")
    asking = client.Studio(studio.client, Patience(60, first=0.001, longest=0.01))
    publish.publish(asking, wanted, forms.ALL)
