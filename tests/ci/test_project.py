"""A kernel's folder says what image it wants; what does not fit is named with the way to say it."""

from __future__ import annotations

import pytest

from jsk_ci import project
from jsk_ci.errors import ProjectError

WHOLE = """\
[tool.jsk.kernel]
name = "iris"
display-name = "Iris (Python 3.12)"
base = "../base"
python = "3.12"
groups = ["main", "plots"]
extras = ["gpu"]
environment = "kernel.env"
size-budget = "2.5 GiB"
dockerfile = "own/Dockerfile"
[tool.jsk.kernel.sources]
kit = ["kit", "pyproject.toml"]
"""


def read(tmp_path, text):
    (tmp_path / "pyproject.toml").write_text(text)
    (tmp_path / "kernel.env").write_text("B=2\nA=1\n")
    return project.read(tmp_path)


def test_everything_that_can_be_said(tmp_path):
    kernel = read(tmp_path, WHOLE)
    assert (kernel.name, kernel.display_name, kernel.python) == ("iris", "Iris (Python 3.12)", "3.12")
    assert (kernel.groups, kernel.extras) == (("main", "plots"), ("gpu",))
    assert kernel.variables == {"A": "1", "B": "2"}
    assert kernel.budget == 2684354560
    assert kernel.dockerfile == tmp_path / "own" / "Dockerfile"
    assert kernel.sources == {"kit": ("kit", "pyproject.toml")}
    assert kernel.parent_folder == (tmp_path / ".." / "base").resolve()
    assert not kernel.is_base


def test_what_is_not_said_has_defaults(tmp_path):
    kernel = read(tmp_path, '[tool.jsk.kernel]\nname = "iris"\nfrom = "debian:12"\n')
    assert kernel.is_base
    assert kernel.parent_folder is None
    assert (kernel.display_name, kernel.python, kernel.groups) == ("iris", "3.11", ("main",))
    assert kernel.budget == 6 * 10**9


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('name = "iris"', "", "name = '' does not fit"),
        ('"iris"', '"Iris"', "name = 'Iris' does not fit"),
        ('"iris"', '"iris-"', "does not fit"),
        ('"iris"', '"' + "i" * 64 + '"', "does not fit"),
        ('"iris"', "7", "name = 7 does not fit"),
        ('"Iris (Python 3.12)"', '" "', "cannot be shown"),
        ('"Iris (Python 3.12)"', '"a\\nb"', "cannot be shown"),
        ('base = "../base"', "", "must say one of base and from"),
        ("python =", 'from = "x"\npython =', "must say one of base and from"),
        ('"3.12"', '"three"', "python = 'three' is no version"),
        ('["main", "plots"]', "[1]", "must be a list of names"),
        ('["main", "plots"]', '"main"', "groups = 'main' does not fit"),
        ('"2.5 GiB"', '"big"', "'big' is no size"),
        ('["kit", "pyproject.toml"]', '"kit"', "kit = 'kit' must be a list"),
        ('"kernel.env"', '"none.env"', "none.env cannot be read"),
        ("extras", "extra", "there is no setting 'extra'"),
        ("[tool.jsk.kernel]", "[tool.jsk.kernel", "not valid TOML"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, old, new, words):
    assert old in WHOLE
    with pytest.raises(ProjectError, match=words) as caught:
        read(tmp_path, WHOLE.replace(old, new, 1))
    assert str(tmp_path) in caught.value.what


def test_a_folder_without_a_project_is_told(tmp_path):
    with pytest.raises(ProjectError, match="There is no") as caught:
        project.read(tmp_path)
    assert "jsk-ci fingerprint kernels/base" in caught.value.hint


def test_a_project_of_which_no_image_is_made_is_told(tmp_path):
    with pytest.raises(ProjectError, match="has no table") as caught:
        read(tmp_path, '[project]\nname = "iris"\n')
    assert "jsk new" in caught.value.hint


@pytest.mark.parametrize("text", ["tool = 1", "[tool]\njsk = 1", "[tool.jsk]\nkernel = 1"])
def test_tables_that_are_none_are_told(tmp_path, text):
    with pytest.raises(ProjectError, match="has no table"):
        read(tmp_path, text)


@pytest.mark.parametrize("bases", [["."], ["../two", "../one"], ["../two", "../three", "../two"]])
def test_a_kernel_that_starts_from_itself_is_told(tmp_path, bases):
    """Whoever asks: its base would be looked for without end."""
    names = ["one", "two", "three"]
    for name, base in zip(names, bases, strict=False):
        (tmp_path / name).mkdir()
        text = f'[tool.jsk.kernel]\nname = "{name}"\nbase = "{base}"\n'
        (tmp_path / name / "pyproject.toml").write_text(text)
    with pytest.raises(ProjectError, match="starts from itself"):
        project.read(tmp_path / "one")
