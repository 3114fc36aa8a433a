"""Where a trial of elsewhere goes in this journal."""

from __future__ import annotations

import secrets
from dataclasses import replace
from pathlib import Path

from jsk_saver.tracking import trash
from jsk_saver.tracking.journal import copies, layout
from jsk_saver.tracking.journal.copies import Copy


def place(experiment: Path, name: str, copy: Copy) -> tuple[Path, bool] | None:
    """Return the folder of a copy, made if need be, and whether it was; None if it is from here, or deleted.

    Two people may both have a trial ``baseline``: that of the other is ``baseline-`` and some characters.

    Parameters
    ----------
    experiment
        The experiment's folder.
    name
        What the trial is called at its source.
    copy
        Where it comes from.
    """
    if trash.holds(experiment, copy.identity):
        return None
    token = "".join(filter(str.isalnum, copy.identity))[-8:]
    for folder in (experiment / name, experiment / f"{name[: layout.LONGEST_NAME - 9].rstrip('-')}-{token}"):
        if not folder.exists():
            _make(folder, copy)
            return folder, True
        known = copies.read(folder)
        if known is not None and (known.source, known.identity) == (copy.source, copy.identity):
            return folder, False
        if known is None and copy.identity in [path.stem for path in layout.writers(folder)]:
            return None
        if known is not None and known.identity == copy.identity:
            return None  # the same, from another source
    return None


def _make(folder: Path, copy: Copy) -> None:
    """Make the folder of a copy; it is never there without saying that it is one."""
    part = folder.with_name(f".{secrets.token_hex(8)}")
    part.mkdir()
    copies.write(part, replace(copy, lost=0.0, seen=""))
    part.rename(folder)


def put_file(path: Path, data: bytes) -> None:
    """Write a file in one step, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{secrets.token_hex(8)}")
    part.write_bytes(data)
    part.replace(path)
