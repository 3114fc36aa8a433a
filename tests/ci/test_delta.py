"""An experiment's layer holds what differs from its base, and all of that."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from jsk_ci import delta
from jsk_ci.errors import LockError
from jsk_ci.lockfile import Package

NAMES = st.sampled_from(["a", "b", "c", "d", "e"])
VERSIONS = st.sampled_from(["1.0", "1.0.0", "1.1", "2.0", "2.0rc1", "2.0+cpu", "2.0.post1", "10.0"])


def package(name, version, **more):
    return Package(name, version, ("sha256:aa",), more, {"main": ""})


@given(st.dictionaries(NAMES, VERSIONS), st.dictionaries(NAMES, VERSIONS))
def test_base_and_delta_together_are_what_is_wanted(base, wanted):
    found = delta.between(base, {name: package(name, version) for name, version in wanted.items()})
    installed = {**base, **{name: one.version for name, one in found.packages.items()}}
    assert all(Version(installed[name]) == Version(version) for name, version in wanted.items())
    assert set(installed) == {*base, *wanted}
    assert set(found.kept) == set(base) - set(wanted)
    assert not set(found.added) & set(base)
    assert all(Version(old) < Version(one.version) for old, one in found.upgraded.values())
    assert all(Version(old) > Version(one.version) for old, one in found.downgraded.values())


def test_differences_are_told_in_lines():
    wanted = {"new": package("new", "1"), "up": package("up", "2"), "down": package("down", "1")}
    found = delta.between({"up": "1", "down": "2", "kept": "1"}, wanted)
    assert found.lines() == ["+ new 1", "~ down 2 -> 1", "~ up 1 -> 2"]


def test_a_folder_beside_the_project_is_installed_anew_whatever_its_version():
    kit = package("kit", "1.0", type="directory", url="../kit")
    assert delta.between({"kit": "1.0"}, {"kit": kit}).packages == {"kit": kit}
    assert delta.between({"kit": "2.0"}, {"kit": kit}).packages == {"kit": kit}


def test_what_is_no_version_is_told():
    with pytest.raises(LockError, match="nobody can tell what is newer"):
        delta.between({"a": "1.0"}, {"a": package("a", "one")})


def test_requirements_are_exact_and_come_from_where_the_lock_says():
    text = delta.requirements(
        {
            "a": package("a", "1.0"),
            "b": package("b", "2.0", type="legacy", url="https://index.example.org/simple"),
            "kit": package("kit", "1.0", type="directory", url="../kit"),
        }
    )
    assert text == (
        "--extra-index-url https://index.example.org/simple\n"
        "a==1.0 \\\n    --hash=sha256:aa\nb==2.0 \\\n    --hash=sha256:aa\n"
    )
