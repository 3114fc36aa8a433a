"""The words that occur, and which of them a misspelled or unfinished word may mean.

Small errors are forgiven: one wrong, missing, added or swapped letter in words of four to seven letters, two
in longer ones (optimal string alignment distance). To be fast with many words, only those are compared that
begin or end with the same letter.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

#: So many words at most stand in for one that was typed.
MAX_WORDS = 8


class Vocabulary:
    """Words to choose from.

    Examples
    --------
    >>> words = Vocabulary()
    >>> words.learn(["youtube", "channel", "churn", "tube"])
    >>> words.corrections("yotube"), words.corrections("chanel"), words.completions("chan")
    (['youtube'], ['channel'], ['channel'])
    """

    def __init__(self) -> None:
        #: How much of the database's vocabulary is in here.
        self.read = 0
        self._words: set[str] = set()
        self._new: list[str] = []
        self._sorted: list[str] = []
        self._by_end: dict[tuple[str, int, int], list[str]] = {}

    def learn(self, words: Iterable[str]) -> None:
        """Add words; those that cannot stand in for another are left out."""
        new = [word for word in words if word not in self._words]
        self._words.update(new)
        self._new.extend(word for word in new if 3 <= len(word) <= 32 and word.isalpha())

    def _arrange(self) -> None:
        if not self._new:
            return
        for word in self._new:
            length = len(word)
            self._by_end.setdefault((word[0], 0, length), []).append(word)
            self._by_end.setdefault((word[-1], -1, length), []).append(word)
        self._sorted.extend(self._new)
        self._sorted.sort()
        self._new.clear()

    def completions(self, word: str) -> list[str]:
        """Return words that begin with ``word``, the shortest first."""
        if len(word) < 3 or not word.isalpha():
            return []
        self._arrange()
        start = bisect_left(self._sorted, word)
        end = bisect_left(self._sorted, word + "\U0010ffff", start)
        found = sorted(self._sorted[start:end], key=len)
        return [other for other in found[: MAX_WORDS + 1] if other != word][:MAX_WORDS]

    def corrections(self, word: str) -> list[str]:
        """Return words that ``word`` may be a misspelling of, the nearest first."""
        allowed = 0 if len(word) < 4 else 1 if len(word) < 8 else 2
        if not allowed or len(word) > 32 or not word.isalpha():
            return []
        from rapidfuzz import process
        from rapidfuzz.distance import OSA

        self._arrange()
        candidates: set[str] = set()
        for length in range(len(word) - allowed, len(word) + allowed + 1):
            candidates.update(self._by_end.get((word[0], 0, length), ()))
            candidates.update(self._by_end.get((word[-1], -1, length), ()))
        candidates.discard(word)
        found = process.extract(
            word, candidates, scorer=OSA.distance, processor=None, score_cutoff=allowed, limit=None
        )
        found.sort(key=lambda match: (match[1], match[0][0] != word[0], match[0]))
        return [other for other, _, _ in found[:MAX_WORDS]]
