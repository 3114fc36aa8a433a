"""Verifying: reading versions again and comparing them with what was saved."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from jsk_saver.display import html_table, text_table
from jsk_saver.errors import JskError, StoreError
from jsk_saver.progress import count_bar

if TYPE_CHECKING:
    from jsk_saver.connection import Connection

_COLUMNS = ["name", "version", "size", "result"]
_BAR_ABOVE = 20


@dataclass(frozen=True, slots=True)
class Checked:
    """One version and what was found: ``""`` when it is as it was saved."""

    name: str
    version: str
    size: int
    problem: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What :meth:`jsk_saver.Saver.verify` found; shows itself as a table of what is wrong."""

    checked: tuple[Checked, ...]

    @property
    def ok(self) -> bool:
        """Whether all of it is as it was saved."""
        return not self.damaged

    @property
    def damaged(self) -> tuple[Checked, ...]:
        """The versions that are not as they were saved."""
        return tuple(item for item in self.checked if item.problem)

    @property
    def title(self) -> str:
        """One line: how many were checked, how many are damaged."""
        count = len(self.checked)
        if self.ok:
            return f"{count} version{'s' * (count != 1)} checked, all as saved."
        return f"{count} version{'s' * (count != 1)} checked, {len(self.damaged)} damaged."

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {"ok": self.ok, "checked": [asdict(item) for item in self.checked]}

    def _rows(self) -> list[list[Any]]:
        return [[item.name, item.version, item.size, item.problem] for item in self.damaged]

    def __repr__(self) -> str:
        return self.title + ("" if self.ok else "\n" + text_table(_COLUMNS, self._rows()))

    def _repr_html_(self) -> str:
        return html_table([] if self.ok else _COLUMNS, self._rows(), caption=self.title)


def verify(connection: Connection, name: str | None, version: str | None) -> Verification:
    """Check one version, all of a name, or everything, straight from the store (never the cache)."""
    if name is not None and version is not None:
        wanted = [(name, version)]
    else:
        entries = connection.entries(name) if name is not None else connection.store.scan()
        wanted = [(entry.name, entry.version) for entry in entries if not entry.marker]
    return Verification(tuple(_check_all(connection, wanted)))


def _check_all(connection: Connection, wanted: list[tuple[str, str]]) -> Iterator[Checked]:
    settings = connection.settings
    with (
        ThreadPoolExecutor(min(4, settings.connections), thread_name_prefix="jsk-verify") as pool,
        count_bar("verify", len(wanted), shown=settings.progress, above=_BAR_ABOVE) as count,
    ):
        for checked in pool.map(lambda item: _check(connection, *item), wanted):
            count(1)
            yield checked


def _check(connection: Connection, name: str, version: str) -> Checked:
    try:
        record, payload = connection.store.fetch(name, version, folder=connection.scratch)
    except StoreError:
        raise  # the store itself fails: nothing can be said about the version
    except JskError as error:
        return Checked(name, version, 0, error.what)
    with payload:
        if record.digest and (payload.digest != record.digest or payload.size != record.size):
            problem = f"altered: saved {record.digest}, found {payload.digest}"
            return Checked(name, version, payload.size, problem)
        return Checked(name, version, payload.size, "")
