"""What a change of the environment did, as people and programs read it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from jsk_saver.display import Column, html_table, text_table
from jsk_saver.human import Code

_COLUMNS = [
    Column("package", narrowest=20),
    Column("lock before"),
    Column("lock now"),
    Column("this kernel", narrowest=14),
]


@dataclass(frozen=True, slots=True)
class Row:
    """One package.

    Parameters
    ----------
    name
        Normalised.
    before, after
        Locked versions; empty if it is not in the lock.
    had
        Installed version before; empty if it was not.
    removed
        Whether it is uninstalled.
    """

    name: str
    before: str
    after: str
    had: str
    removed: bool = False

    @property
    def doing(self) -> str:
        """What happens to it in the running kernel."""
        if self.removed:
            return f"{self.had} removed"
        if not self.after:
            return f"{self.had} stays" if self.had else "not installed"
        if self.had == self.after:
            return "installed already"
        return f"{self.had} -> {self.after}" if self.had else f"{self.after} installed"


@dataclass(frozen=True, slots=True)
class Change:
    """A change that was made, or would be.

    Parameters
    ----------
    title
        In a few words.
    folder
        Of the project.
    rows
        The packages that changed.
    notes
        What somebody should know: a restart, what stays.
    dry_run
        Whether nothing was done.
    commit
        The command that commits it; empty if there is nothing to commit.
    """

    title: str
    folder: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    dry_run: bool = False
    commit: str = ""

    def _below(self) -> list[str]:
        if not self.commit:
            return list(self.notes)
        staged = "pyproject.toml and poetry.lock are staged. To commit them, and nothing else:"
        return [*self.notes, staged, Code(self.commit)]

    def _table(self) -> list[list[str]]:
        return [[row.name, row.before or "-", row.after or "-", row.doing] for row in self.rows]

    def __repr__(self) -> str:
        table = text_table(_COLUMNS, self._table()) if self.rows else ""
        return "\n".join(filter(None, [self.title, table, *self._below()]))

    def _repr_html_(self) -> str:
        columns = _COLUMNS if self.rows else []
        return html_table(columns, self._table(), caption=self.title, notes=self._below())

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        rows = [{**asdict(row), "doing": row.doing} for row in self.rows]
        return {**asdict(self), "rows": rows, "notes": list(self.notes)}
