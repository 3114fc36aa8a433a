"""Names of images are read as container engines read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jsk_ci.errors import ProjectError
from jsk_ci.references import Reference

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("debian", "docker.io/library/debian"),
        ("docker.io/debian", "docker.io/library/debian"),
        ("debian:12", "docker.io/library/debian:12"),
        ("jupyter/base:1", "docker.io/jupyter/base:1"),
        ("localhost/x", "localhost/x"),
        ("localhost:5000/x:1", "localhost:5000/x:1"),
        ("[::1]:5000/x", "[::1]:5000/x"),
        ("registry.example.org/a/b__c/d--e:1.4", "registry.example.org/a/b__c/d--e:1.4"),
        (f"registry.example.org/a:1@{DIGEST}", f"registry.example.org/a:1@{DIGEST}"),
        (f"  debian@{DIGEST}\n", f"docker.io/library/debian@{DIGEST}"),
    ],
)
def test_names_are_read_as_engines_do(text, whole):
    reference = Reference.parse(text)
    assert str(reference) == whole
    assert Reference.parse(whole) == reference


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Debian",
        "debian:",
        "debian@",
        "debian:a:b",
        "debian@sha256:abc",
        f"debian@{DIGEST}@{DIGEST}",
        "registry.example.org/",
        "registry.example.org//x",
        "exa mple.org/x",
        "-evil.example.org/x",
        "registry.example.org:port/x",
        "a/../b",
        "debian:" + "x" * 129,
        "debian:é",
    ],
)
def test_what_no_registry_understands_is_refused(text):
    with pytest.raises(ProjectError, match="no name of an image"):
        Reference.parse(text)


@given(st.text())
def test_whatever_the_name_the_error_is_ours(text):
    try:
        reference = Reference.parse(text)
    except ProjectError:
        return
    assert Reference.parse(str(reference)) == reference


def test_only_a_digest_pins():
    with pytest.raises(ProjectError, match="a tag may move"):
        _ = Reference.parse("debian:12").pinned
    assert Reference.parse(f"debian:12@{DIGEST}").pinned == f"docker.io/library/debian@{DIGEST}"


@pytest.mark.parametrize("tag", ["feature/x", "", "-x", ".x", "é", "x" * 129])
def test_what_is_no_tag_is_refused(tag):
    with pytest.raises(ProjectError, match="is no tag"):
        Reference.parse("debian").with_tag(tag)
