"""The table that everything is measured with: a million videos, eight columns of mixed types, about 70 MB."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

ROWS = 1_000_000
TITLES = 50_000
CATEGORIES = ("comedy", "education", "film", "gaming", "music", "news", "science", "sport", "travel")
_WORDS = (  # noqa: SIM905 - as prose it can be read
    "amber beyond canyon dancing early forest garden harbour island journey kitchen lantern morning "
    "northern ocean painted quiet river silver thunder under velvet winter yellow zephyr"
).split()


def make_frame(rows: int = ROWS, seed: int = 2) -> pd.DataFrame:
    """Return the table; the same one for the same arguments.

    Ids in no order, one float of full precision and one as people round them, times to the second, a
    categorical, titles of which 50,000 are different, and two booleans.
    """
    import numpy as np
    import pandas as pd

    random = np.random.default_rng(seed)
    start = np.datetime64("2020-01-01T00:00:00", "us")
    seconds = random.integers(0, 5 * 365 * 24 * 3600, rows)
    return pd.DataFrame(
        {
            "video_id": random.permutation(rows) + 10**9,
            "score": random.normal(size=rows),
            "watch_hours": random.lognormal(5, 2, rows).round(2),
            "published": start + seconds.astype("timedelta64[s]"),
            "category": pd.Categorical(random.choice(CATEGORIES, rows), categories=CATEGORIES),
            "title": pd.Series(_titles(random), dtype="str").take(random.integers(0, TITLES, rows)).array,
            "monetised": random.random(rows) < 0.3,
            "verified": random.random(rows) < 0.05,
        }
    )


def arrow_size(frame: pd.DataFrame) -> int:
    """Return the bytes that the table takes as an Arrow table: what "its Arrow size" means."""
    import pyarrow as pa

    return int(pa.Table.from_pandas(frame).nbytes)


def _titles(random: object) -> list[str]:
    words = random.choice(_WORDS, (TITLES, 4))  # type: ignore[attr-defined]
    return [f"{' '.join(four)} {number}" for number, four in enumerate(words)]
