"""What somebody may have meant who made a spelling error."""

from __future__ import annotations

from collections.abc import Iterable

#: How alike two words are that may be meant for each other, of 100.
_ALIKE = 70


def closest(typed: str, known: Iterable[str], most: int = 1) -> list[str]:
    """Return those of ``known`` that ``typed`` may be meant for, the likeliest first.

    Examples
    --------
    >>> closest("acuracy", ["accuracy", "rows"]), closest("YOUTUBE", ["youtube"]), closest("x", ["rows"])
    (['accuracy'], ['youtube'], [])
    """
    from rapidfuzz import fuzz, process

    others = [other for other in known if other != typed]
    found = process.extract(
        typed, others, scorer=fuzz.ratio, processor=str.casefold, limit=most, score_cutoff=_ALIKE
    )
    return [other for other, _, _ in found]
