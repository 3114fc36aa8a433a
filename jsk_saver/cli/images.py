"""``jsk trials images``: which kernel images trials and objects refer to, for ``jsk-ci gc``."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from jsk_saver.cli.session import JsonOption, Session, StoreOption
from jsk_saver.terminal import note, say
from jsk_saver.wording import count

if TYPE_CHECKING:
    from jsk_saver.stores import Store
    from jsk_saver.tracking.sinks.shelf import Piece


def register(app: typer.Typer) -> None:
    """Add the command to ``jsk trials``."""
    app.command()(images)


def images(context: typer.Context, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """List the kernel images that trials and objects refer to: here, and in the store.

    One reference a line, and a last line that says how many: jsk-ci gc takes no list that was cut off.
    """
    session = Session(context, store, as_json)
    found: set[str] = set()
    trials = objects = 0
    for known in (*_here(session.saver.settings.home / "journal"), *_shelved(session.saver.store)):
        trials += 1
        found |= _references(known)
    for saved in session.saver.search(limit=None, hidden=True):
        objects += 1
        found |= _references(saved.lineage)
    listed = sorted(found)
    if not session.answer(listed):
        say("\n".join([*listed, f"# end: {len(listed)} reference{'s' * (len(listed) != 1)}"]))
    looked_at = f"{count(trials, 'record')} of trials and {count(objects, 'version')} of objects"
    note(f"Looked at {looked_at}, in {session.saver.store.uri} and on this machine.")


def _references(told: Mapping[str, Any]) -> set[str]:
    image, fingerprint = told.get("image"), told.get("fingerprint")
    named = {" ".join(image.split())} if isinstance(image, str) and image.strip() else set()
    return named | ({f"fingerprint:{fingerprint}"} if isinstance(fingerprint, str) and fingerprint else set())


def _here(journal: Path) -> Iterator[Mapping[str, Any]]:
    """Yield what trials of this machine's journal ran in."""
    from jsk_saver.tracking.browsing import Trials

    if journal.is_dir():
        for folder in sorted(journal.iterdir()):
            if folder.is_dir() and not folder.name.startswith("."):
                for known in Trials(folder.name, journal).trials():
                    yield known.environment


def _shelved(store: Store) -> Iterator[Mapping[str, Any]]:
    """Yield what trials ran in that anybody's journal brought to the store; nothing else of them is read."""
    from jsk_saver.tracking.journal import layout
    from jsk_saver.tracking.sinks import shelf

    files: dict[tuple[str, ...], list[shelf.Piece]] = defaultdict(list)
    for key, size in store.notes(f"{shelf.ROOT}/"):
        experiment, _, inside = key.removeprefix(f"{shelf.ROOT}/").partition("/")
        trial = shelf.parse_trial(inside)
        piece = shelf.parse_piece(trial[2], key, size) if trial else None
        if trial and piece and piece.file.endswith(layout.EVENTS):
            files[experiment, *trial[:2], piece.file].append(piece)
    for pieces in files.values():
        yield from _environments(_joined(store, pieces))


def _joined(store: Store, pieces: list[Piece]) -> bytes:
    """Return the file that pieces make, some of which may overlap."""
    whole = b""
    while fitting := [piece for piece in pieces if piece.start <= len(whole) < piece.end]:
        chosen = max(fitting, key=lambda piece: piece.end)
        pieces.remove(chosen)
        whole += store.get_note(chosen.key)[len(whole) - chosen.start :]
    return whole


def _environments(events: bytes) -> Iterator[Mapping[str, Any]]:
    for line in events.splitlines():
        try:
            event = json.loads(line)
        except ValueError:  # a writer that was killed
            continue
        if isinstance(event, dict) and event.get("kind") == "environment":
            yield event.get("values") or {}
