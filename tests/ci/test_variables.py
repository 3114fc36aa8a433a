"""The file of environment variables means the same in a container, a shell and a test."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jsk_ci import variables
from jsk_ci.errors import ProjectError


def read(tmp_path, text):
    file = tmp_path / "kernel.env"
    file.write_text(text, encoding="utf-8")
    return variables.read(file)


def test_values_stand_for_themselves(tmp_path):
    text = '# comment\n\nB=1\nA=$HOME and `x`\nQUOTED="a b"\nSINGLE=\'a\'\nEMPTY=\nEQUALS=a=b\nHALF="a\n'
    assert read(tmp_path, text) == {
        "A": "$HOME and `x`",
        "B": "1",
        "EMPTY": "",
        "EQUALS": "a=b",
        "HALF": '"a',
        "QUOTED": "a b",
        "SINGLE": "a",
    }
    assert list(read(tmp_path, text)) == sorted(read(tmp_path, text))


def test_a_shell_reads_single_quoted_values_alike(tmp_path):
    found = read(tmp_path, "GREETING='hello $HOME  world'\n")
    done = subprocess.run(
        ["sh", "-c", f'. {tmp_path}/kernel.env; printf %s "$GREETING"'],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == found["GREETING"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("export A=1", "is not NAME=value"),
        ("A=1\0", "has a control character"),
        ("A", "is not NAME=value"),
        ("1A=1", "is not NAME=value"),
        ("A B=1", "is not NAME=value"),
        ("AWS_REGION=x", "would be overridden: SageMaker sets its own AWS_"),
        ("SAGEMAKER_X=x", "would be overridden"),
        ("JSK_KERNEL_NAME=x", "written by the build"),
        ("OK=1\nOK=2", "line 3: OK is set twice"),
    ],
)
def test_a_line_that_does_not_fit_is_named(tmp_path, line, words):
    with pytest.raises(ProjectError, match=words) as caught:
        read(tmp_path, f"# first\n{line}\n")
    assert "kernel.env, line" in caught.value.what


def test_a_file_that_is_missing_or_no_text_is_told(tmp_path):
    with pytest.raises(ProjectError, match="cannot be read"):
        variables.read(tmp_path / "none")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    with pytest.raises(ProjectError, match="cannot be read"):
        variables.read(tmp_path / "bytes")


@given(st.text())
def test_whatever_the_file_holds_the_error_is_ours(tmp_path_factory, text):
    file = tmp_path_factory.getbasetemp() / "any.env"
    file.write_text(text.encode("utf-8", "ignore").decode(), encoding="utf-8")
    try:
        found = variables.read(file)
    except ProjectError:
        return
    assert all(name.isidentifier() for name in found)
