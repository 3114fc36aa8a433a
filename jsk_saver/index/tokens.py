"""Words: how names and metadata are cut into what a text search looks for.

``data_youtubeChannels-2024.csv`` has the words ``data``, ``youtubechannels``, ``youtube``, ``channel``,
``2024``, ``csv``: in lower case, without accents, English plurals as singulars, and what is written as one
(camel case, letters next to digits) as a whole, in its parts and in pairs of those. A query is cut into
wholes only.
Chinese and Japanese characters are words of their own.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Any

from jsk_saver.record import Record

#: What of the lineage is worth searching for as text; digests are found by path.
LINEAGE_TEXTS = ("user", "host", "branch", "remote", "notebook", "experiment", "trial")
#: Of one record at most this many texts are searched (metadata may be a megabyte).
MAX_TEXTS = 2_000
#: Longer words are cut: nobody types them, and they would bloat the index.
MAX_WORD = 64

#: Longer whole numbers nobody types, and Python may refuse to write them.
_MAX_BITS = 200

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_RUN = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+")
_MAX_PARTS = 6
#: What changes more often between letters and digits is a digest, whose parts mean nothing.
_MAX_CHANGES = 2


def _plain(text: str) -> str:
    """Return ``text`` without accents; case stays, it shows where words begin."""
    if text.isascii():
        return text
    decomposed = unicodedata.normalize("NFKD", text)
    return unicodedata.normalize("NFC", "".join(c for c in decomposed if not unicodedata.combining(c)))


def _fold(word: str) -> str:
    """Return ``word`` in lower case, an English plural as its singular (Harman's S stemmer, 1991)."""
    word = word.casefold()[:MAX_WORD]
    if len(word) < 4 or word[-1] != "s" or not word.isascii():
        return word
    if word.endswith("ies") and len(word) > 4 and word[-4] not in "ae":
        return word[:-3] + "y"
    if word.endswith(("aes", "ees", "oes", "us", "ss", "is", "as")):
        return word
    return word[:-1]


@lru_cache(maxsize=1024)
def phrase_words(text: str) -> tuple[str, ...]:
    """Return the words of ``text`` in order, each as a whole: what a query is made of.

    Examples
    --------
    >>> phrase_words("YouTube's Channels, café")
    ('youtube', 's', 'channel', 'cafe')
    """
    return tuple(map(_fold, runs(text)))


def runs(text: str) -> list[str]:
    """Return the words of ``text`` as they are written, without accents.

    Examples
    --------
    >>> runs("YouTube's cafés")
    ['YouTube', 's', 'cafes']
    """
    return _RUN.findall(_plain(text))


def pieces(text: str) -> list[tuple[str, bool]]:
    """Return the parts of a ranked text in order, and whether each stands in double quotes.

    Examples
    --------
    >>> pieces('yotube "machine learning" " a')
    [('yotube ', False), ('machine learning', True), (' " a', False)]
    """
    parts = re.split(r'"([^"]*)"', text)
    return [(part, bool(place % 2)) for place, part in enumerate(parts) if runs(part)]


def index_words(text: str) -> tuple[str, ...]:
    """Return the words under which ``text`` can be found: wholes and parts, each once.

    Examples
    --------
    >>> index_words("data_youTube2024.csv")
    ('data', 'youtube2024', 'you', 'tube', '2024', 'youtube', 'tube2024', 'csv')
    """
    found: dict[str, None] = {}
    for run in runs(text):
        found[_fold(run)] = None
        if run.isalpha() and (run.islower() or run.isupper()):
            continue
        parts = _parts(run[:MAX_WORD])
        if 1 < len(parts) <= _MAX_PARTS:
            found.update(dict.fromkeys(map(_fold, parts)))
            found.update((_fold(one + other), None) for one, other in pairwise(parts))
    return tuple(found)


def _parts(run: str) -> list[str]:
    """Return the parts that capitals and digits divide a word into."""
    parts, start, changes = [], 0, 0
    for place, (before, here) in enumerate(pairwise(run), start=1):
        begins = here.isupper() and (before.islower() or run[place + 1 : place + 2].islower())
        changed = before.isdigit() != here.isdigit()
        changes += changed
        if begins or changed:
            parts.append(run[start:place])
            start = place
    return [*parts, run[start:]] if changes <= _MAX_CHANGES else [run]


def other_texts(record: Record) -> Iterator[str]:
    """Yield what can be searched as text beside the name: metadata with its keys, facts, lineage."""
    yield from _texts(record.metadata)
    yield from _texts(record.facts)
    lineage = record.lineage
    yield from (str(lineage[key]) for key in LINEAGE_TEXTS if key in lineage)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, bool):
        yield "true" if value else "false"
    elif isinstance(value, int | float):
        yield _number(value)


def _number(value: float) -> str:
    """Return a number as people type it."""
    if isinstance(value, int):
        return str(value) if value.bit_length() <= _MAX_BITS else ""
    return repr(value).removesuffix(".0")


def record_words(record: Record) -> tuple[set[str], set[str]]:
    """Return the words of the record's name, and those of everything else.

    Examples
    --------
    >>> from jsk_saver.record import now
    >>> record = Record("a.csv", "1", "csv", "", 9, "", now(), {"origin": "YouTube"})
    >>> [sorted(words) for words in record_words(record)]
    [['a', 'csv'], ['origin', 'tube', 'you', 'youtube']]
    """
    others: set[str] = set()
    for count, text in enumerate(other_texts(record)):
        if count == MAX_TEXTS:
            break
        others.update(index_words(text))
    return set(index_words(record.name)), others


def record_phrases(record: Record) -> Iterator[tuple[str, ...]]:
    """Yield the words of each text of the record, in order."""
    yield phrase_words(record.name)
    for count, text in enumerate(other_texts(record)):
        if count == MAX_TEXTS:
            break
        yield phrase_words(text)
