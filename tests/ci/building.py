"""Kernels that are really built: Debian as container image, a package index and a registry on loopback."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from jsk_ci import build, candidates, project
from jsk_ci.build import Order
from jsk_ci.builders import choosing
from jsk_ci.builders.base import Builder, Container, Context, Image
from tests.ci import locked
from tests.ci.package_index import PackageIndex
from tests.servers import rootfs
from tests.servers.buildah import Buildah
from tests.servers.counting import Counted
from tests.servers.docker import Docker
from tests.servers.registry import Registry
from tests.servers.s3 import ServerUnavailable

RECIPE = Path(build.__file__).parent / "recipe"
ROOT = Path(__file__).parents[2]
_PYTHON = ">=3.11,<3.12"


@dataclass
class Place:
    """Where images go.

    Parameters
    ----------
    registry
        The server.
    wire
        In front of it.
    debian
        The container image that bases start from.
    path
        Of our kernels in the registry.
    """

    registry: Registry
    wire: Counted
    debian: str
    path: str = "kernels"

    @property
    def host(self) -> str:
        """Its address, with the path of our kernels."""
        return self.wire.endpoint.removeprefix("http://")

    @property
    def kernels(self) -> str:
        """Where kernels go."""
        return f"{self.host}/{self.path}"

    def blobs(self) -> dict[str, int]:
        """Return size by digest of everything that the registry keeps."""
        files = (self.registry.folder / "data").glob("docker/registry/v2/blobs/sha256/*/*/data")
        return {file.parent.name: file.stat().st_size for file in files}


@dataclass
class Made:
    """What came of a build."""

    order: Order
    image: Image
    pinned: str


class Kernels:
    """Writes, locks and builds kernels with one builder.

    Parameters
    ----------
    builder
        ``docker`` or ``buildah``.
    folder
        Where projects are.
    index, place
        Where packages come from, and images go to.
    """

    def __init__(self, builder: str, folder: Path, index: PackageIndex, place: Place) -> None:
        self.builder: Builder = choosing.choose(builder)
        self.folder, self.index, self.place = folder, index, place

    def write(
        self, name: str, *dependencies: str, kernel: str = "", more: str = "", lock: bool = True
    ) -> Path:
        """Write and lock a kernel's folder; a base, unless ``kernel`` says otherwise."""
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        told = kernel if "base =" in kernel else f'from = "{self.place.debian}"\n{kernel}'
        text = locked.pyproject(
            self.index.url, *dependencies, name=name, python=_PYTHON, more=more, kernel=told
        )
        (folder / "pyproject.toml").write_text(text)
        if lock:
            locked.lock(folder)
        return folder

    def build(self, folder: Path, *, fresh: bool = False, push: bool = False) -> Made:
        """Build a kernel."""
        order = build.order(project.read(folder), self.builder, into=self.place.kernels)
        image = build.carry_out(order, self.builder, fresh=fresh)
        pinned = str(candidates.push(image, self.builder)) if push else ""
        return Made(order, image, pinned)

    def change(self, image: Image, name: str, *lines: str) -> Image:
        """Build what an image becomes by some lines of a Dockerfile, and give it a name."""
        with tempfile.TemporaryDirectory() as folder:
            text = "\n".join([f"FROM {image.reference}", "USER 0", *lines, "USER 1000:100", ""])
            Path(folder, "Dockerfile").write_text(text)
            return self.builder.build(Context(Path(folder), {}, {}), f"jsk-tests/{name}:1")

    def debian(self) -> Image:
        """Return the container image that bases start from."""
        return self.builder.inspect(self.place.debian) or self.builder.pull(self.place.debian)

    def sh(self, image: Image, script: str) -> str:
        """Run a script in an image as Studio's user, and return what it prints."""
        ran = self.builder.run(Container(image.reference, ["/bin/sh", "-euc", script]), timeout=120)
        assert ran.code == 0, ran.output
        return ran.output.strip()


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PackageIndex]:
    """An index with what bases are made of, and with uv and Poetry, which every build fetches."""
    fetched = tmp_path_factory.mktemp("fetched")
    # fmt: off
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:",
        "--require-hashes", "--python-version=3.11", "--platform=manylinux2014_x86_64",
        "--platform=manylinux_2_28_x86_64", "--dest", fetched,
        "-r", RECIPE / "uv.txt", "-r", RECIPE / "poetry.txt",
    ]
    # fmt: on
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"uv and Poetry cannot be fetched: {done.stderr.strip().splitlines()[-1]}")
    with PackageIndex(tmp_path_factory.mktemp("packages") / "web") as index:
        for wheel in fetched.glob("*.whl"):
            index.take(wheel)
        index.add("kept", "1.0", code="import marked\n")
        index.add("marked", "1.0", code="OLD = True\n")
        index.add("marked", "2.0", code="NEW = True\n")
        index.add("shrunk", "1.0")
        index.add("shrunk", "2.0")
        index.add("same-length", "1.1")
        index.add("same-length", "1.2")
        index.add("fresh", "3.0", code="\n".join(f"v{n} = {hash((n, 'x'))}" for n in range(20_000)))
        yield index


@pytest.fixture(scope="session")
def engine() -> Iterator[Docker]:
    """A Docker engine with Debian in it."""
    try:
        tar = rootfs.make()
        with Docker() as server:
            server.call("import", "-", "debian:1", stdin=tar)
            yield server
    except ServerUnavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def place(engine: Docker) -> Iterator[Place]:
    """A registry that has Debian, behind a wire that is counted."""
    try:
        with Registry() as server, Counted(server.host) as wire:
            debian = f"{wire.endpoint.removeprefix('http://')}/debian:1"
            engine.call("tag", "debian:1", debian)
            engine.call("push", debian)
            yield Place(server, wire, debian)
    except ServerUnavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def storage() -> Iterator[Buildah]:
    """buildah with images of its own."""
    try:
        with Buildah() as server:
            yield server
    except ServerUnavailable as reason:
        pytest.skip(str(reason))


# Of the package, not of the session: the variables of these surroundings are for these tests alone.
@pytest.fixture(scope="package")
def surroundings(engine: Docker, storage: Buildah, packages: PackageIndex) -> Iterator[None]:
    """Let builders and installers see these servers, and nothing of the machine's user."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**engine.environment, **storage.environment}.items():
            patch.setenv(name, value)
        for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_CONFIG_FILE", "NETRC", choosing.VARIABLE):
            patch.delenv(name, raising=False)
        patch.setenv("PIP_INDEX_URL", packages.url)
        yield


@pytest.fixture(scope="package", params=["docker", "buildah"])
def kernels(
    request: pytest.FixtureRequest,
    surroundings: None,
    packages: PackageIndex,
    place: Place,
    tmp_path_factory: pytest.TempPathFactory,
) -> Kernels:
    """Kernels of each builder in turn."""
    return Kernels(request.param, tmp_path_factory.mktemp(request.param), packages, place)


@pytest.fixture(scope="package")
def base(kernels: Kernels) -> Made:
    """A base with small packages, in the registry."""
    folder = kernels.write(
        f"base-{kernels.builder.name}",
        *("kept", "marked ==1.0", "shrunk ==2.0", "same-length ==1.1"),
        kernel='environment = "kernel.env"\ndisplay-name = "The base"',
        lock=True,
    )
    (folder / "kernel.env").write_text("LANG=C.UTF-8\nGREETING='it costs $5 \\\\ \"here\"'\n")
    return kernels.build(folder, push=True)


@pytest.fixture(scope="package")
def whole(kernels: Kernels) -> Made:
    """The kit's own base, with packages of the public index, in the registry."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PIP_INDEX_URL")
        asked = project.read(ROOT / "kernels" / "base")
        order = build.order(asked, kernels.builder, into=kernels.place.kernels, start=kernels.place.debian)
        image = build.carry_out(order, kernels.builder)
    return Made(order, image, str(candidates.push(image, kernels.builder)))


@pytest.fixture(scope="package")
def experiment(kernels: Kernels, base: Made) -> Made:
    """An experiment on it that adds, upgrades and downgrades."""
    folder = kernels.write(
        f"iris-{kernels.builder.name}",
        *("fresh", "marked ==2.0", "shrunk ==1.0", "same-length ==1.2", "helper"),
        kernel=f'base = "{base.pinned}"\nenvironment = "kernel.env"',
        more='\n[tool.poetry.dependencies]\nhelper = { path = "helper" }\n',
        lock=False,
    )
    (folder / "kernel.env").write_text("GREETING=hello\nMODE=fast\n")
    own_package(folder / "helper")
    locked.lock(folder)
    return kernels.build(folder)


def own_package(folder: Path, answer: int = 42) -> None:
    """Write a package beside a project, which builds itself, so that no back end is fetched."""
    (folder / "helper").mkdir(parents=True, exist_ok=True)
    (folder / "helper" / "__init__.py").write_text(f"ANSWER = {answer}\n")
    (folder / "pyproject.toml").write_text(
        '[project]\nname = "helper"\nversion = "0.3"\n\n'
        '[build-system]\nrequires = []\nbuild-backend = "own"\nbackend-path = ["."]\n'
    )
    (folder / "own.py").write_text(
        "import sys\nfrom pathlib import Path\nimport zipfile\n\n"
        "def build_wheel(target, *_, **__):\n"
        "    name = 'helper-0.3-py3-none-any.whl'\n"
        "    with zipfile.ZipFile(Path(target, name), 'w') as wheel:\n"
        "        wheel.writestr('helper/__init__.py', Path('helper/__init__.py').read_text())\n"
        "        info = 'helper-0.3.dist-info'\n"
        "        told = 'Metadata-Version: 2.1\\nName: helper\\nVersion: 0.3\\n'\n"
        "        wheel.writestr(info + '/METADATA', told)\n"
        "        wheel.writestr(info + '/WHEEL', 'Wheel-Version: 1.0\\nGenerator: own\\n'\n"
        "                       'Root-Is-Purelib: true\\nTag: py3-none-any\\n')\n"
        "        wheel.writestr(info + '/RECORD', 'helper/__init__.py,,\\n')\n"
        "    return name\n"
    )


def elsewhere(folder: Path, target: Path) -> Path:
    """Copy a kernel's folder, as another checkout of it would be."""
    return Path(shutil.copytree(folder, target / folder.name, copy_function=shutil.copyfile))
