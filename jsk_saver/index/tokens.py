"""Words: how names and metadata are cut into what a text search looks for.

``data_youtubeChannels-2024.csv`` has the words ``data``, ``youtubechannels``, ``youtube``, ``channel``,
``2024``, ``csv``: in lower case, without accents, English plurals as singulars, and what is written as one
(camel case, letters next to digits) both as a whole and in its parts. A query is cut into wholes only.
Chinese and Japanese characters are words of their own.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from jsk_saver.record import Record

#: What of the lineage is worth searching for as text; digests are found by path.
LINEAGE_TEXTS = ("user", "host", "branch", "remote", "notebook", "experiment", "trial")
#: Of one record at most this many texts are searched (metadata may be a megabyte).
MAX_TEXTS = 2_000
#: Longer words are cut: nobody types them, and they would bloat the index.
MAX_WORD = 64

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_RUN = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+")
_PARTS = re.compile(r"[0-9]+|[^\W\d_a-z]+(?![a-z])|[^\W\d_a-z]?[a-z]+|\w+?")
_MAX_PARTS = 6


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


def index_words(text: str) -> tuple[str, ...]:
    """Return the words under which ``text`` can be found: wholes and parts, each once.

    Examples
    --------
    >>> index_words("data_youTube2024.csv")
    ('data', 'youtube2024', 'you', 'tube', '2024', 'csv')
    """
    found: dict[str, None] = {}
    for run in runs(text):
        found[_fold(run)] = None
        if run.isalpha() and (run.islower() or run.isupper()):
            continue
        parts = _PARTS.findall(run[:MAX_WORD])
        if 1 < len(parts) <= _MAX_PARTS:  # more than that is a digest, whose parts mean nothing
            found.update(dict.fromkeys(map(_fold, parts)))
    return tuple(found)


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
    elif type(value) is int and 0 <= value <= 9999:  # a year, a count; longer numbers are found by path
        yield str(value)


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
