"""Which versions a run that reproduces another one reads: those that were read then.

``JSK_REPRODUCE`` names the file of a plan (see :mod:`jsk_saver.tracking.reproduce`). Its pins are handed
out in the order in which the versions were read, each to whoever asks in the same words: by name alone, by
number, by search.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Any

_Key = tuple[str, str, str]


def asked(version: Any, search_pattern: Any, search: Mapping[str, Any]) -> str:
    """Return the words in which a version is asked for; nothing for the newest of a name.

    Examples
    --------
    >>> asked(None, None, {}), asked(-1, None, {})
    ('', 'version=-1')
    >>> asked(None, "rows:>5", {"user": "ana"})
    "search='rows:>5' user='ana'"
    """
    words = [] if version is None else [f"version={getattr(version, 'version', version)}"]
    words += [] if search_pattern is None else [f"search={search_pattern!r}"]
    return " ".join(words + [f"{name}={search[name]!r}" for name in sorted(search)])


class Pins:
    """Versions to be handed out.

    Parameters
    ----------
    reads
        Dictionaries of ``store``, ``name``, ``version`` and perhaps ``asked``, in the order of reading.

    Examples
    --------
    >>> pins = Pins([{"store": "s", "name": "a.csv", "version": v} for v in ("1", "1", "2")])
    >>> [pins.next(("s", "a.csv", "")) for _ in range(4)]
    ['1', '1', '2', '2']
    """

    def __init__(self, reads: Iterable[Mapping[str, str]]) -> None:
        self._left: dict[_Key, list[str]] = {}
        self._lock = threading.Lock()
        for read in reads:
            key = (read["store"], read["name"], read.get("asked", ""))
            self._left.setdefault(key, []).append(read["version"])
        for versions in self._left.values():
            versions.reverse()

    def next(self, key: _Key) -> str | None:
        """Return the next version for these words; the last one for ever after."""
        with self._lock:
            left = self._left.get(key)
            if not left:
                return None
            return left.pop() if len(left) > 1 else left[0]
