"""A run that reproduces another: what it reads is what was read then, and what it saves harms nothing.

``JSK_REPRODUCE`` names the file of its plan (see :mod:`jsk_saver.tracking.reproduce`). No name in a store
gets another newest version by such a run. What it saves with the bytes of what was saved then *is* that
version; whatever else it saves lies under the same name in a store of the run's own, below the one that the
program names.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from jsk_saver.errors import Hidden
from jsk_saver.lineage.ledger import Entry, Ledger
from jsk_saver.lineage.pins import Pins
from jsk_saver.record import RESERVED
from jsk_saver.settings import REPRODUCE

#: Where runs that reproduce put what came out differently, below a store.
FOLDER = f"{RESERVED}/reproduced"
_VERSION = "version="


class Place(NamedTuple):
    """A version, and the store where it lies."""

    store: str
    version: str


class Output(NamedTuple):
    """A version that was saved then."""

    place: Place
    digest: str


class Rerun:
    """What one run reads, and where what it saves goes.

    Parameters
    ----------
    plan
        The file that says so; beside it the processes of the run note what they save.
    """

    def __init__(self, plan: Path) -> None:
        said = json.loads(plan.read_bytes())
        #: When the program began that is reproduced, in seconds since 1970.
        self.began = float(said.get("began", 0.0))
        self._own = f"{FOLDER}/{said['experiment']}/{said['run']}"
        self._pins = Pins(said.get("pins", ()))
        self._outputs = _by_name(said.get("outputs", ()))
        self._ledger = Ledger(plan.with_name("puts.jsonl"))

    def own(self, store: str) -> str:
        """Return the address of the run's own store below that of a program."""
        return f"{store}/{self._own}"

    # Saving -----------------------------------------------------------------------------------------

    def same(self, store: str, name: str, digest: str) -> Place | None:
        """Return the version with these bytes that was saved then, and take note that it was saved again.

        Each is returned once, in order; after the last one, that one.
        """
        like = [output.place for output in self._outputs.get((store, name), ()) if output.digest == digest]
        if not like:
            return None
        with self._ledger.opened() as entries:
            used = {entry[2:4] for entry in entries if entry[:2] == (store, name)}
            chosen = next((place for place in like if place not in used), like[-1])
            entries.append(Entry(store, name, *chosen))
        return chosen

    def note(self, store: str, name: str, place: Place, *, hidden: bool = False, put: bool = True) -> None:
        """Take note of what a name stands for from now on."""
        with self._ledger.opened() as entries:
            entries.append(Entry(store, name, *place, hidden, put))

    def last(self, store: str, name: str) -> Entry | None:
        """Return what this run has made of a name, if anything."""
        of_name = self._entries(store, name)
        return of_name[-1] if of_name else None

    def count(self, store: str, name: str) -> int:
        """Return how many versions of a name this run has saved."""
        return len({entry[2:4] for entry in self._entries(store, name) if entry.put})

    def _entries(self, store: str, name: str) -> list[Entry]:
        with self._ledger.opened() as entries:
            return [entry for entry in entries if entry[:2] == (store, name)]

    # Reading ----------------------------------------------------------------------------------------

    def where(self, store: str, name: str, asked: str) -> Place | None:
        """Return the version that is meant by these words; None if they were not said then.

        Raises
        ------
        Hidden
            If the run has deleted the name.
        """
        entries = self._entries(store, name)
        if not asked and entries:
            if entries[-1].hidden:
                raise Hidden(f"{name!r} was deleted.", kept="Its versions.", hint=f'saver.restore("{name}")')
            return Place(*entries[-1][2:4])
        own = {entry.version: entry.place for entry in entries}
        version = asked.removeprefix(_VERSION)
        if asked.startswith(_VERSION) and version in own:
            return Place(own[version], version)
        pinned = self._pins.next((store, name, asked))
        return None if pinned is None else self._instead(store, name, pinned, entries)

    def _instead(self, store: str, name: str, version: str, entries: list[Entry]) -> Place:
        """Return what this run has saved instead of a version that was saved then; else that one itself."""
        then = [output.place for output in self._outputs.get((store, name), ())]
        at = next((at for at, place in enumerate(then) if place.version == version), None)
        if at is None:
            return Place(store, version)
        now = [Place(*entry[2:4]) for entry in entries if entry.put]
        return then[at] if then[at] in now or at >= len(now) else now[at]


def is_own(store: str) -> bool:
    """Tell whether a store is one that a run that reproduces has made for itself."""
    return f"/{FOLDER}/" in store


def current(store: str) -> Rerun | None:
    """Return the run of this process, if it reproduces another; in its own store there is nothing to mind."""
    plan = os.environ.get(REPRODUCE)
    return _read(plan) if plan and not is_own(store) else None


@lru_cache(maxsize=1)
def _read(plan: str) -> Rerun:
    return Rerun(Path(plan))


def _by_name(outputs: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], list[Output]]:
    """Return what was saved then, by the store that the program named and the name in it."""
    found: dict[tuple[str, str], list[Output]] = {}
    for item in outputs:
        store = item["store"].partition(f"/{FOLDER}/")[0]
        output = Output(Place(item["store"], item["version"]), item["digest"])
        found.setdefault((store, item["name"]), []).append(output)
    return found
