"""Builds that cannot be: each says what is wrong in its own words, and nothing is pushed."""

from __future__ import annotations

import io
import re
import tarfile

import pytest

from jsk_ci import candidates, registry
from jsk_ci.errors import BuildFailed, OverBudget, ProjectError, RegistryError
from jsk_ci.references import Reference
from tests.ci import locked
from tests.ci.building import Kernels, Made
from tests.ci.package_index import PackageIndex, make_wheel

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def nothing_is_pushed(kernels: Kernels):
    before = kernels.place.blobs()
    yield
    assert kernels.place.blobs() == before


def name(kernels: Kernels, what: str) -> str:
    return f"{what}-{kernels.builder.name}"


def test_a_package_that_is_gone_is_named(kernels: Kernels):
    package = name(kernels, "gone-package")
    wheel = kernels.index.add(package, "1.0")
    folder = kernels.write(f"of-{package}", package)
    wheel.unlink()
    (wheel.parent / "index.html").write_text("")
    with pytest.raises(BuildFailed, match=package) as caught:
        kernels.build(folder)
    assert "poetry lock" in caught.value.hint
    assert "Nothing was pushed" in caught.value.kept


def test_another_file_than_the_locked_one_is_refused(kernels: Kernels):
    package = name(kernels, "swapped-package")
    wheel = kernels.index.add(package, "1.0")
    folder = kernels.write(f"of-{package}", package)
    make_wheel(wheel.parent, package, "1.0", code="EVIL = True\n")
    (wheel.parent / "index.html").write_text(f'<a href="{wheel.name}">{wheel.name}</a>')
    with pytest.raises(BuildFailed, match=r"(?i)hash") as caught:
        kernels.build(folder)
    assert package in str(caught.value)
    assert "--regenerate" in caught.value.hint


def test_a_package_that_does_not_build_shows_its_last_words(kernels: Kernels):
    package = name(kernels, "broken-package")
    publish_source(kernels.index, package, "raise SystemExit('there is no compiler here')")
    folder = kernels.write(f"of-{package}", package)
    with pytest.raises(BuildFailed, match="there is no compiler here") as caught:
        kernels.build(folder)
    assert package in str(caught.value)
    assert "wheel" in caught.value.hint


def test_a_container_image_with_another_python_is_refused(kernels: Kernels):
    folder = kernels.write(name(kernels, "newer"), "kept", kernel='python = "3.12"', lock=False)
    file = folder / "pyproject.toml"
    file.write_text(file.read_text().replace("<3.12", "<3.13"))
    locked.lock(folder)
    with pytest.raises(BuildFailed, match=r"Python 3\.11\.\d+, and the project asks for 3\.12"):
        kernels.build(folder)


def test_an_image_over_budget_is_not_pushed_and_its_heaviest_packages_are_named(kernels: Kernels):
    folder = kernels.write(name(kernels, "heavy"), "fresh", "kept", kernel='size-budget = "1 MB"')
    with pytest.raises(OverBudget) as caught:
        kernels.build(folder, push=True)
    said = str(caught.value)
    assert re.search(r"kB\s+fresh\n.*kept", said)
    assert "1.0 MB" in said
    assert "nothing was pushed" in said
    reference = str(registry.of(kernels.place.kernels, folder.name))
    assert f"as {reference}:candidate-" in said


def test_a_container_image_without_git_is_refused(kernels: Kernels, nothing_is_pushed):
    image = kernels.change(kernels.debian(), "no-git", "RUN rm $(command -v git)")
    folder = kernels.write(name(kernels, "gitless"), "kept", lock=False)
    file = folder / "pyproject.toml"
    file.write_text(file.read_text().replace(kernels.place.debian, image.reference))
    locked.lock(folder)
    with pytest.raises(BuildFailed, match="the container image has no git") as caught:
        kernels.build(folder)
    assert 'from = "python:3.11-bookworm"' in caught.value.hint


def test_a_base_that_does_not_exist_is_named(kernels: Kernels):
    folder = kernels.write(name(kernels, "lost"), "kept", kernel=f'base = "{kernels.place.host}/nothing:1"')
    with pytest.raises(ProjectError, match="nothing:1"):
        kernels.build(folder)


def test_a_base_that_is_no_kernel_image_is_refused(kernels: Kernels):
    folder = kernels.write(name(kernels, "plain"), "kept", kernel=f'base = "{kernels.place.debian}"')
    with pytest.raises(ProjectError, match="is not a kernel image"):
        kernels.build(folder)


def test_a_registry_that_dies_half_way_is_told_and_has_no_candidate(kernels: Kernels, base: Made):
    image = base.image
    target = Reference.parse(image.reference)
    other = Reference(target.registry, f"elsewhere-{kernels.builder.name}/base", target.tag)
    kernels.place.wire.left = 10_000
    try:
        with pytest.raises(RegistryError, match="could not be pushed"):
            kernels.builder.push(image.reference, other)
    finally:
        kernels.place.wire.left = None
    assert registry.Repository(other).digest(str(other.tag)) is None


def test_only_a_candidate_is_pushed(kernels: Kernels, base: Made):
    from dataclasses import replace

    with pytest.raises(BuildFailed, match="is no candidate"):
        candidates.push(replace(base.image, reference="jsk/base:fp-1"), kernels.builder)


def publish_source(index: PackageIndex, name: str, code: str) -> None:
    """Publish a package that has to be built, by a back end of its own that runs ``code``."""
    page = index.folder / "simple" / name
    page.mkdir()
    top = f"{name.replace('-', '_')}-1.0"
    files = {
        "PKG-INFO": f"Metadata-Version: 2.2\nName: {name}\nVersion: 1.0\n",
        "pyproject.toml": f'[project]\nname = "{name}"\nversion = "1.0"\n[build-system]\nrequires = []\n'
        'build-backend = "own"\nbackend-path = ["."]\n',
        "own.py": f"def build_wheel(*_, **__):\n    {code}\n",
    }
    archive = page / f"{top}.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for path, text in files.items():
            info = tarfile.TarInfo(f"{top}/{path}")
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
    (page / "index.html").write_text(f'<a href="{archive.name}">{archive.name}</a>')
