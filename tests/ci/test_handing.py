"""What one step hands on is what the next reads."""

from __future__ import annotations

import os
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jsk_ci import handing
from jsk_ci.errors import ProjectError

NAMES = st.from_regex(r"[A-Z][A-Z0-9_]{0,8}", fullmatch=True)
VALUES = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]))


@given(st.dictionaries(NAMES, VALUES), st.dictionaries(NAMES, VALUES))
def test_what_was_written_is_read_and_the_last_counts(tmp_path_factory, first, second):
    file = tmp_path_factory.mktemp("handed") / "below" / "jsk.env"
    handing.write(file, first)
    handing.write(file, second)
    expected = {f"JSK_CI_{name}": value for name, value in {**first, **second}.items()}
    assert handing.read(file) == expected


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "a\0b"])
def test_values_that_no_such_file_can_hold_are_refused(tmp_path, value):
    handing.write(tmp_path / "e", {"A": "kept"})
    with pytest.raises(ProjectError, match="more than one line"):
        handing.write(tmp_path / "e", {"B": value})
    assert handing.read(tmp_path / "e") == {"JSK_CI_A": "kept"}


@pytest.mark.parametrize("name", ["a", "", "A B", "A=B", "1"])
def test_names_that_are_none_are_refused(tmp_path, name):
    with pytest.raises(ProjectError, match="no name of a variable"):
        handing.write(tmp_path / "e", {name: "x"})


def test_a_shell_reads_what_steps_hand_on(tmp_path):
    image = "registry.example.org:5000/kernels/iris@sha256:" + "a" * 64
    handing.write(tmp_path / "e", {"IMAGE": image, "DECISION": "nothing", "KERNELS": "base,iris"})
    script = f'. {tmp_path}/e; printf "%s %s %s" "$JSK_CI_IMAGE" "$JSK_CI_DECISION" "$JSK_CI_KERNELS"'
    done = subprocess.run(
        ["sh", "-c", script], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert done.stdout == f"{image} nothing base,iris"


def test_a_value_that_no_step_handed_on_is_told(monkeypatch):
    monkeypatch.setenv("JSK_CI_IMAGE", "x")
    assert handing.value("IMAGE", "The image", "--image …") == "x"
    monkeypatch.setenv("JSK_CI_IMAGE", "")
    with pytest.raises(ProjectError, match="The image is not known: JSK_CI_IMAGE is not set") as caught:
        handing.value("IMAGE", "The image", "--image …")
    assert caught.value.hint == "--image …"
