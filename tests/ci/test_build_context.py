"""What a build is given: the same for the same inputs, and nothing that is secret."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from pathlib import Path

import pytest

from jsk_ci import context, credentials, fingerprint, labels, project, resources
from jsk_ci.builders.base import Context
from jsk_ci.context import Parent
from jsk_ci.errors import LockError, ProjectError
from tests.ci import locked

BASE = Parent(
    "registry.example.org/base@sha256:" + "b" * 64,
    "sha256:" + "b" * 64,
    "base",
    {"leaf": "1.0", "slow": "1.0"},
)


@pytest.fixture
def folder(tmp_path: Path, index) -> Path:
    """An experiment with a folder and a file beside it."""
    made = locked.write(
        tmp_path / "churn",
        index,
        *("leaf ==2.0", "tree", "near", "flat"),
        more='[tool.poetry.dependencies]\nnear = { path = "near" }\n'
        'flat = { path = "flat-1.0-py3-none-any.whl" }\n',
        kernel='base = "registry.example.org/base:1"\nenvironment = "kernel.env"',
    )
    (made / "kernel.env").write_text('GREETING=it costs $5 \\ "here"\n')
    (made / "near").mkdir()
    (made / "near" / "pyproject.toml").write_text('[project]\nname = "near"\nversion = "0.1"\n')
    (made / "near" / "near.py").write_text("HERE = True\n")
    shutil.copy(index.add("flat", "1.0"), made)
    locked.lock(made)
    return made


def write(folder: Path, target: Path, secrets: dict[str, Path] | None = None) -> Context:
    kernel = project.read(folder)
    inputs = fingerprint.gather(kernel, BASE.digest)
    contained = context.content(kernel, BASE)
    identity = labels.identity(kernel, inputs, BASE.pinned, "c" * 40, contained.listed)
    target.mkdir()
    return context.write(target, kernel, inputs, BASE, identity, contained, secrets or {})


def states(folder: Path) -> dict[str, tuple[object, ...]]:
    """Return mode, time and digest of everything below a folder."""
    return {
        str(path.relative_to(folder)): (
            oct(path.stat().st_mode),
            path.stat().st_mtime,
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
        )
        for path in sorted(folder.rglob("*"))
    }


def test_the_same_inputs_are_the_same_context(folder: Path, tmp_path: Path):
    first = write(folder, tmp_path / "first")
    other = shutil.copytree(folder, tmp_path / "other", copy_function=shutil.copyfile)
    mask = os.umask(0o077)
    try:
        second = write(other, tmp_path / "second")
    finally:
        os.umask(mask)
    assert states(first.folder) == states(second.folder)
    assert first.arguments == second.arguments
    assert {time for _, time, _ in states(first.folder).values()} == {float(context.TIME)}


def test_only_what_differs_from_the_base_is_installed(folder: Path, tmp_path: Path):
    made = write(folder, tmp_path / "made")
    lines = (made.folder / "requirements.txt").read_text().splitlines()
    named = [line.split("==")[0] for line in lines if "==" in line]
    assert named == ["leaf", "only-linux", "tree"]
    assert sum("--hash=sha256:" in line for line in lines) >= len(named)
    assert sorted(path.name for path in (made.folder / "sources").iterdir()) == [
        "flat-1.0-py3-none-any.whl",
        "near",
    ]
    listed = (made.folder / "packages.txt").read_text().split()
    assert listed == ["flat==1.0", "leaf==2.0", "near==0.1", "only-linux==1.0", "slow==1.0", "tree==1.0"]
    assert made.removes
    assert made.labels["io.jsk.kernel.packages"].split() == listed


def test_variables_are_quoted_for_the_dockerfile(folder: Path, tmp_path: Path):
    text = (write(folder, tmp_path / "made").folder / "Dockerfile").read_text()
    assert text.startswith(resources.dockerfile("experiment").read_text().rstrip())
    assert 'ENV GREETING="it costs \\$5 \\\\ \\"here\\""\n' in text
    assert f'ENV JSK_KERNEL_COMMIT="{"c" * 40}"\n' in text


def test_a_file_beside_the_project_must_be_the_locked_one(folder: Path, tmp_path: Path):
    (folder / "flat-1.0-py3-none-any.whl").write_bytes(b"something else")
    with pytest.raises(LockError, match="is not the file that was locked"):
        write(folder, tmp_path / "made")
    (folder / "flat-1.0-py3-none-any.whl").unlink()
    with pytest.raises(LockError, match="is not there"):
        write(folder, tmp_path / "again")


def test_secrets_are_never_in_the_context(folder: Path, tmp_path: Path):
    place = tmp_path / "secret"
    place.mkdir()
    told = {"PIP_INDEX_URL": "https://ada:hunter2@index.example.org/simple", "NETRC": str(tmp_path / "netrc")}
    (tmp_path / "netrc").write_text("machine index.example.org login ada password hunter2\n")
    secrets = credentials.gather(place, told)
    made = write(folder, tmp_path / "made", secrets)
    assert "hunter2" in secrets["pip"].read_text()
    assert secrets["pip"].stat().st_mode & 0o077 == 0
    for path in made.folder.rglob("*"):
        assert path.is_dir() or b"hunter2" not in path.read_bytes()
    assert not any("hunter2" in value for value in [*made.arguments.values(), *made.labels.values()])


def test_secrets_are_those_that_pip_takes(tmp_path: Path):
    certificates, settings = tmp_path / "ca.pem", tmp_path / "pip.conf"
    certificates.touch()
    settings.touch()
    told = {"SSL_CERT_FILE": str(certificates), "PIP_CONFIG_FILE": str(settings)}
    assert credentials.gather(tmp_path, told) == {"ca": certificates, "pip": settings}
    assert credentials.gather(tmp_path, {"PIP_CONFIG_FILE": os.devnull}) == {}
    with pytest.raises(ProjectError, match="PIP_CONFIG_FILE"):
        credentials.gather(tmp_path, {"PIP_CONFIG_FILE": str(tmp_path / "none")})


def test_folders_of_this_machine_are_no_index_for_a_container(tmp_path: Path):
    told = {"PIP_EXTRA_INDEX_URL": "file:///opt/wheels https://index.example.org/simple"}
    text = credentials.gather(tmp_path, told)["pip"].read_text()
    assert text == "[global]\nextra-index-url = https://index.example.org/simple\n"


def test_the_installer_that_is_fetched_is_the_one_that_fingerprints_name():
    (line,) = [file.read_text() for file in resources.recipe() if file.name == "uv.txt"]
    assert line.startswith(f"{fingerprint.INSTALLER} --hash=sha256:")


def test_what_runs_inside_a_build_is_part_of_the_fingerprint(folder: Path, monkeypatch: pytest.MonkeyPatch):
    kernel = project.read(folder)
    before = fingerprint.gather(kernel, BASE.digest).fingerprint
    monkeypatch.setattr(resources, "recipe", lambda: [folder / "kernel.env"])
    assert fingerprint.gather(kernel, BASE.digest).fingerprint != before


def test_a_readme_that_is_no_source_is_empty_and_decides_nothing(folder: Path, tmp_path: Path):
    (folder / "near" / "README.md").write_text("What it is for.\n")
    near = folder / "near" / "pyproject.toml"
    near.write_text(near.read_text() + 'readme = "README.md"\n')
    told = folder / "pyproject.toml"
    whole = write(folder, tmp_path / "whole")
    assert (whole.folder / "sources/near/README.md").read_text() == "What it is for.\n"
    told.write_text(told.read_text() + '\n[tool.jsk.kernel.sources]\nnear = ["near.py", "pyproject.toml"]\n')
    made = write(folder, tmp_path / "made")
    assert (made.folder / "sources/near/README.md").read_text() == ""
    (folder / "near" / "README.md").write_text("What it is for, said better.\n")
    assert write(folder, tmp_path / "again").arguments == made.arguments
    assert states(tmp_path / "again") == states(tmp_path / "made")


def test_poetry_is_pinned_by_hash_with_all_it_needs():
    (file,) = [file for file in resources.recipe() if file.name == "poetry.txt"]
    pinned = file.read_text().replace("\\\n", "").splitlines()
    lines = [line for line in pinned if not line.startswith("#")]
    assert any(line.startswith("poetry==") for line in lines)
    assert any(line.startswith("poetry-core==") for line in lines)
    for line in lines:
        assert re.fullmatch(r"[a-z0-9-]+==[\w.]+( +--hash=sha256:[0-9a-f]{64})+", line), line


def test_a_pinned_parent_has_no_tag():
    parent = Parent("127.0.0.1:5000/kernels/base:1.4", "sha256:" + "b" * 64, "base", {})
    assert parent.pinned == "127.0.0.1:5000/kernels/base@sha256:" + "b" * 64
