"""Send what waits, in this process, and take note of what became of it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsk_saver.cli import telling
from jsk_saver.errors import JskError, NotFound, StoreError
from jsk_saver.settings import load
from jsk_saver.tracking.masking import without_login
from jsk_saver.tracking.sinks import check_address, courier, default_sinks, open_sink, pending, standing
from jsk_saver.tracking.sinks import cursor as cursors
from jsk_saver.tracking.sinks.batching import Positions
from jsk_saver.tracking.sinks.shipping import cursor_path
from jsk_saver.tracking.sinks.standing import Standing

if TYPE_CHECKING:
    from jsk_saver.tracking.state import TrialState

#: Seconds to wait for a courier that is at the same trials, and between two looks.
_PATIENCE, _PAUSE = 60.0, 0.5


class Sync:
    """One run of ``jsk trials sync``.

    Parameters
    ----------
    journal
        The journal's folder.
    settings
        Arguments for sinks of trials that are ordered now.
    """

    def __init__(self, journal: Path, settings: Mapping[str, Any]) -> None:
        self._journal = journal
        self._settings: dict[str, Any] = {
            name: str(value) for name, value in settings.items() if value is not None
        }
        self.sent: list[Standing] = []
        self.left: list[Standing] = []
        self.forgotten: list[Standing] = []
        self.hints: list[str] = []

    def forget(self, sink: str, experiment: str = "", trial: str = "") -> None:
        """Have trials sent to a sink no more; what is there stays there.

        Parameters
        ----------
        sink
            Its address, with or without a login; also one that never was any.
        experiment, trial
            Which; all without.

        Raises
        ------
        NotFound
            If none of them is to be sent there.
        """
        asked = without_login(sink)
        with suppress(JskError):
            asked = without_login(check_address(sink))
        waiting = [
            item
            for item in pending.every(self._journal)
            if experiment in ("", item.experiment) and trial in ("", item.trial)
        ]
        known = sorted({without_login(address) for item in waiting for address in item.sinks})
        if asked not in known:
            commands = [f"jsk trials sync --forget {address}" for address in known]
            hint = "\n        ".join(commands) or "jsk trials status"
            raise NotFound(f"No such trial is to be sent to {asked!r}.", hint=hint)
        for item in waiting:
            if asked in map(without_login, item.sinks):
                pending.forget(self._journal, item, asked)
                self.forgotten.append(replace(standing.of(item.folder(self._journal), asked), why=""))

    def order(self, trials: Iterable[TrialState], *, anew: bool, to: str | None) -> None:
        """Have trials sent once more, or to another sink.

        Raises
        ------
        SettingsError
            If there is no such sink.
        StoreError
            If another process sends one of them at this moment.
        """
        waiting = {(item.experiment, item.trial): item for item in pending.every(self._journal)}
        more = [check_address(to)] if to else []
        for known in trials:
            empty = pending.Pending(known.experiment, known.name, [], self._settings)
            item = waiting.get((known.experiment, known.name), empty)
            folder = item.folder(self._journal)
            sinks = [cursor.sink for path in folder.glob("*.cursor") if (cursor := cursors.load(path)).sink]
            wanted = self._said((*(sinks if anew and not to else ()), *item.sinks, *more))
            if anew:
                for sink in more or wanted:
                    _begin_anew(cursor_path(folder, sink), sink)
            if wanted:
                pending.add(self._journal, replace(item, sinks=wanted))

    def _said(self, addresses: Iterable[str]) -> list[str]:
        """Return addresses, once each, with the login that was said last, or that the settings say.

        Where a trial was sent is known without it.
        """
        found: dict[str, str] = {}
        for address in addresses:
            public = without_login(address)
            found[public] = address if address != public else found.get(public, address)
        ours = [*default_sinks(load(**self._settings)), "mlflow"]
        for address in ours if found else ():
            with suppress(JskError):  # of which nothing may be sent there at all
                known = check_address(address)
                if found.get(without_login(known)) == without_login(known):
                    found[without_login(known)] = known
        return list(found.values())

    def run(self) -> None:
        """Send what waits now; what is logged meanwhile is left to the courier."""
        marks = {item: self._mark(item) for item in self._waiting()}
        work = courier.Courier(self._journal, open_sink)
        until = time.monotonic() + _PATIENCE
        try:
            while True:
                trouble = work.round(patient=False)
                left = [item for item, mark in marks.items() if self._is_left(item, mark)]
                # Without trouble, another process is at it.
                if not left or trouble or time.monotonic() > until:
                    break
                time.sleep(_PAUSE)
        finally:
            work.close()
            if any(pending.every(self._journal)):
                courier.ensure(self._journal)
        for (experiment, trial, sink), mark in marks.items():
            self._tell(experiment, trial, sink, mark, trouble.get(without_login(sink), ""))

    def _waiting(self) -> list[tuple[str, str, str]]:
        return [
            (item.experiment, item.trial, sink)
            for item in pending.every(self._journal)
            for sink in item.sinks
            if standing.of(item.folder(self._journal), sink).unsent
        ]

    def _mark(self, item: tuple[str, str, str]) -> tuple[Positions, int, int]:
        """Return where the trial ends now, and how much is unsent until there."""
        folder = self._journal / item[0] / item[1]
        end = standing.end(folder)
        return end, *standing.unsent(folder, cursors.load(cursor_path(folder, item[2])), end)

    def _is_left(self, item: tuple[str, str, str], mark: tuple[Positions, int, int]) -> bool:
        return any(self._unsent(item, mark[0]))

    def _unsent(self, item: tuple[str, str, str], end: Positions) -> tuple[int, int]:
        folder = self._journal / item[0] / item[1]
        return standing.unsent(folder, cursors.load(cursor_path(folder, item[2])), end)

    def _tell(
        self, experiment: str, trial: str, sink: str, mark: tuple[Positions, int, int], trouble: str
    ) -> None:
        end, events, points = mark
        events_left, points_left = self._unsent((experiment, trial, sink), end)
        now = standing.of(self._journal / experiment / trial, sink)
        if events > events_left or points > points_left:
            self.sent.append(replace(now, events=events - events_left, points=points - points_left))
        if events_left or points_left:
            why = now.why or trouble or "another process is sending it."
            self.left.append(replace(now, events=events_left, points=points_left, why=why))
            self.hints.append("jsk trials sync    # later")
            self.hints.append(f"jsk trials sync --forget {now.sink}    # if it is not to be sent there")

    def to_dict(self) -> dict[str, list[dict[str, Any]]]:
        """Return what was sent and what is left, as plain JSON."""
        left = [{**_plain(item), "why": item.why} for item in self.left]
        forgotten = {"forgotten": [_plain(item) for item in self.forgotten]} if self.forgotten else {}
        return {"sent": [_plain(item) for item in self.sent], "left": left, **forgotten}


def _plain(item: Standing) -> dict[str, Any]:
    said = {key: getattr(item, key) for key in ("experiment", "trial", "events", "points")}
    return {**said, "sink": telling.public(item.sink)}


def _begin_anew(path: Path, sink: str) -> None:
    with cursors.alone(path) as nobody_else:
        if not nobody_else:
            raise StoreError(f"{path.parent.name} is being sent right now.", hint="jsk trials status")
        cursors.save(path, cursors.Cursor(sink=sink, forgotten=True))
