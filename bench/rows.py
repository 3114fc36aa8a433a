"""One line of the result: our figure, the peer's, the ratio, the target, and whether it is met."""

from __future__ import annotations

import statistics
import tomllib
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any

from bench.rounds import Timings

REASONS = Path(__file__).with_name("reasons.toml")


@dataclass(frozen=True)
class Target:
    """What a figure must be: at most (or, for speed-ups, at least) a value."""

    value: float
    unit: str = "×"
    at_least: bool = False

    def met_by(self, figure: float) -> bool:
        """Tell whether ``figure`` reaches it."""
        return figure >= self.value if self.at_least else figure <= self.value

    def __str__(self) -> str:
        if self.value == 1 and self.unit == "×":
            return "faster"
        return f"{'≥' if self.at_least else '≤'} {self.value:g} {self.unit}"


@dataclass(frozen=True)
class Exactly:
    """A count that must be just this."""

    value: int
    unit: str

    def met_by(self, figure: float) -> bool:
        """Tell whether ``figure`` is it."""
        return figure == self.value

    def __str__(self) -> str:
        return f"exactly {self.value}" if self.value else "none"


@dataclass(frozen=True)
class Row:
    """One line of the result.

    Parameters
    ----------
    key
        Short name that stays the same, such as ``parquet.put.bare``; a reason for a miss is kept under it.
    measure, ours, peer, theirs, ratio, target
        As shown to people; empty where there is none.
    met
        Whether the target is met; None for a line without one.
    note
        A remark for people.
    figures
        The numbers behind the line, for programs.
    """

    key: str
    measure: str
    ours: str
    peer: str = ""
    theirs: str = ""
    ratio: str = ""
    target: str = ""
    met: bool | None = None
    note: str = ""
    figures: dict[str, Any] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """Return the word in the last column."""
        return {True: "ok", False: "MISSED", None: "for information"}[self.met]

    @property
    def reason(self) -> str:
        """Return why the target is missed, where it is and somebody found out."""
        return _reasons().get(self.key, "") if self.met is False else ""

    def to_json(self) -> dict[str, Any]:
        """Return the line for programs."""
        return {**asdict(self), "verdict": self.verdict, "reason": self.reason}

    @classmethod
    def of(cls, told: dict[str, Any]) -> Row:
        """Return the line that :meth:`to_json` wrote."""
        return cls(**{field.name: told[field.name] for field in fields(cls)})


@cache
def _reasons() -> dict[str, str]:
    return {key: str(text) for key, text in tomllib.loads(REASONS.read_text(encoding="utf-8")).items()}


def compared(
    key: str,
    measure: str,
    timings: Timings,
    ours: str,
    theirs: str,
    *,
    target: Target | None = None,
    note: str = "",
) -> Row:
    """Return the line that compares two contestants of the same rounds.

    The ratio is the median of the ratios within each round. For a target of at least so many times
    faster it is theirs by ours, otherwise ours by theirs.
    """
    upside_down = target is not None and target.at_least
    pair = (theirs, ours) if upside_down else (ours, theirs)
    ratio = timings.ratio(*pair)
    return Row(
        key,
        measure,
        duration(timings.median(ours)),
        theirs,
        duration(timings.median(theirs)),
        f"{ratio:.2f} ×" + (" faster" if upside_down else ""),
        "" if target is None else f"{target}" + (" faster" if upside_down else ""),
        None if target is None else target.met_by(ratio),
        note,
        {
            "ratio": ratio,
            "ratio_of_medians": timings.ratio_of_medians(*pair),
            "seconds": {name: timings.seconds[name] for name in (ours, theirs)},
            "processor_seconds": {name: statistics.median(timings.work[name]) for name in (ours, theirs)},
        },
    )


def measured(
    key: str, measure: str, figure: float, target: Target | Exactly, *, shown: str = "", note: str = ""
) -> Row:
    """Return the line of a figure that is compared with a target, not with a peer."""
    text = shown or f"{figure:.3g} {target.unit}"
    return Row(
        key, measure, text, target=str(target), met=target.met_by(figure), note=note,
        figures={"figure": figure, "unit": target.unit},
    )  # fmt: skip


def duration(seconds: float) -> str:
    """Return seconds as people read them.

    >>> duration(1.234), duration(0.0123), duration(12.34)
    ('1.23 s', '12.3 ms', '12.3 s')
    """
    return f"{seconds:.3g} s" if seconds >= 1 else f"{seconds * 1000:.3g} ms"


def megabytes(size: float) -> str:
    """Return bytes as millions of them.

    >>> megabytes(71_234_567)
    '71.2 MB'
    """
    return f"{size / 1e6:.1f} MB"
