"""Ranked text search: which records have the words, and which of them fit best.

The score of a record is the sum over the words of the query of their rarity (the inverse document frequency
of BM25) times how well the record has them: as typed, completed or corrected, in the name or elsewhere. How
often a word occurs in one record does not count: metadata is no prose. Scores are summed in bit slices for
all records of a segment at once, so frequent words cost no more than rare ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from jsk_saver.index.bits import add
from jsk_saver.index.conditions import Words
from jsk_saver.index.tokens import phrase_words, pieces
from jsk_saver.index.view import View

#: How well a record has a word: in its name, or elsewhere.
EXACT, COMPLETED, CORRECTED = (1.0, 0.8), (0.6, 0.5), (0.4, 0.3)
#: A word that at least this many records have as typed is taken to be meant so.
ENOUGH = 20
#: Scores are whole numbers; one unit of rarity is so many.
_SCALE = 8

Postings = dict[int, tuple[int, int]]


def phrases_of(text: str) -> list[Words]:
    """Return the conditions that the words in double quotes are.

    Examples
    --------
    >>> phrases_of('yotube "machine learning"')
    [Words(text='machine learning', phrase=True)]
    """
    return [Words(piece, phrase=True) for piece, quoted in pieces(text) if quoted]


@dataclass(frozen=True, slots=True)
class Tier:
    """Records that have a word equally well: where, and what that is worth."""

    postings: list[Postings]
    in_name: bool
    weight: int

    def members(self, segment: int) -> int:
        """Return which records of a segment they are."""
        found = 0
        for postings in self.postings:
            here = postings.get(segment)
            if here:
                found |= here[0] if self.in_name else here[1]
        return found


class Ranking:
    """The words of a query, looked up once, and the scores they give.

    Parameters
    ----------
    view
        Where to look them up.
    text
        The words.
    """

    def __init__(self, view: View, text: str) -> None:
        plain = " ".join(piece for piece, quoted in pieces(text) if not quoted)
        typed = dict.fromkeys(phrase_words(plain))
        quoted = [word for phrase in phrases_of(text) for word in phrase.words if word not in typed]
        total = max(1, view.total())
        self.terms = [_tiers(view, word, total, widen=True) for word in typed]
        self.terms += [_tiers(view, word, total, widen=False) for word in dict.fromkeys(quoted)]

    def score(self, segment: int, members: int, *, every: bool) -> tuple[int, list[int]]:
        """Return which of ``members`` have every word (or any), and the scores in slices."""
        slices: list[int] = []
        found = members if every else 0
        for tiers in self.terms:
            left = members
            for tier in tiers:
                here = tier.members(segment) & left
                if here:
                    add(slices, here, tier.weight)
                    left ^= here
            if every:
                found &= ~left
                members = found
            else:
                found |= members & ~left
            if not members:
                return 0, []
        return found, slices


def _tiers(view: View, word: str, total: int, *, widen: bool) -> list[Tier]:
    exact = view.postings(word)
    groups = [([exact], EXACT)]
    if widen and _count([exact]) < ENOUGH:
        words = view.words()
        completions = words.completions(word)
        corrections = [other for other in words.corrections(word) if other not in completions]
        groups.append(([view.postings(other) for other in completions], COMPLETED))
        groups.append(([view.postings(other) for other in corrections], CORRECTED))
    having = _count([postings for group, _ in groups for postings in group])
    # One more than BM25's, so that a word that every record has still tells names from metadata.
    rarity = 1 + math.log(1 + (max(0, total - having) + 0.5) / (having + 0.5))
    return [
        Tier(postings, in_name, round(_SCALE * rarity * worth))
        for postings, (named, other) in groups
        if postings
        for in_name, worth in ((True, named), (False, other))
    ]


def _count(several: list[Postings]) -> int:
    """Return about how many records have one of the words (those that have two count twice)."""
    return sum((names | others).bit_count() for postings in several for names, others in postings.values())
