"""Records to search for."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable
from typing import Any

import pytest

from jsk_saver.record import Record

START = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)


@pytest.fixture
def record() -> Callable[..., Record]:
    """Return what makes a record; versions count up, each a minute after the one before."""
    counter = itertools.count(1)

    def make(
        name: str = "a.csv", version: str = "", /, *, at: dt.datetime | None = None, **more: Any
    ) -> Record:
        number = next(counter)
        places = {key: more.pop(key, {}) for key in ("lineage", "facts")}
        return Record(
            name=name,
            version=version or f"v{number}",
            format="csv",
            type="pandas.DataFrame",
            size=100 * number,
            digest=f"sha256:{number:064}",
            created=at or START + dt.timedelta(minutes=number),
            metadata=more,
            **places,
        )

    return make
