"""The sizes of packages are found among whatever else an image's Python says."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from jsk_ci import sizes
from jsk_ci.builders.base import Ran
from jsk_ci.errors import BuildFailed


def builder(code: int, output: str) -> Any:
    """Return a builder whose containers end so."""
    return SimpleNamespace(run=lambda _: Ran(code, output))


def test_warnings_before_and_after_are_no_matter():
    found = sizes.measure("x", builder(0, 'a warning\n{"small": 1, "large": 2}\nanother at exit\n'))
    assert list(found.items()) == [("large", 2), ("small", 1)]


@pytest.mark.parametrize(("code", "output"), [(0, ""), (0, "a warning\n"), (1, '{"small": 1}\nkilled')])
def test_an_image_that_does_not_tell_is_an_error(code, output):
    with pytest.raises(BuildFailed, match="cannot tell what is in it"):
        sizes.measure("x", builder(code, output))
