"""The story of one version: what it is, who made it, when, where, from what, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jsk_saver import wording
from jsk_saver.display import Code, html_fields, human_value, text_fields
from jsk_saver.record import JSON
from jsk_saver.saved import Saved


class Story:
    """The story of one version; shows itself as a few sentences and a table.

    Parameters
    ----------
    saved
        The version.
    position, total
        Which of how many versions of its file name it is, the oldest being 1; unknown without.
    children
        Versions whose lineage names it, as far as they are known here: ``name``, ``version``, and
        ``given`` where they were made from it and it was not only read before; unknown without.
    packages
        How many packages were installed; unknown without.
    """

    def __init__(
        self,
        saved: Saved,
        *,
        position: int | None = None,
        total: int | None = None,
        children: Sequence[JSON] | None = None,
        packages: int | None = None,
    ) -> None:
        self.saved = saved
        self.position = position
        self.total = total
        self.children = children
        self.packages = packages

    def to_dict(self) -> JSON:
        """Return it as plain JSON; ``installed`` is how many packages there were."""
        told = {
            "position": self.position,
            "total": self.total,
            "children": None if self.children is None else list(self.children),
            "installed": self.packages,
        }
        return self.saved.to_dict() | {key: value for key, value in told.items() if value is not None}

    @property
    def sentences(self) -> str:
        """The story in a few sentences, what is not known left out."""
        saved, lineage = self.saved, self.saved.lineage
        kind = saved.type or "File"
        which = f", the {wording.rank(self.position, self.total)}" if self.position and self.total else ""
        by = f" by {lineage['user']}" if lineage.get("user") else ""
        told = [f"{kind}{which}, saved{by} on {saved.created.astimezone():%-d %B %Y at %H:%M:%S %Z}."]
        if wording.place(lineage) or lineage.get("commit"):
            origin = (
                f"It comes from {wording.place(lineage)}, " if wording.place(lineage) else "The code was "
            )
            commit = f"at commit {wording.code(lineage)}" if lineage.get("commit") else ""
            told.append(f"{(origin + commit).rstrip(', ')}.")
        if wording.trial(lineage):
            told.append(f"It belongs to {wording.trial(lineage)}.")
        return " ".join([*told, *wording.family(lineage, self.children)])

    def _fields(self) -> list[tuple[str, Any]]:
        saved, lineage = self.saved, self.saved.lineage
        made, read = wording.children(self.children or ())
        told = [
            ("version", Code(saved.version)),
            ("contents", wording.contents(saved.size, saved.facts, saved.format)),
            ("metadata", wording.entries(saved.metadata, most=None)),
            ("facts", wording.other_facts(saved.facts)),
            ("made from", wording.made_from(lineage)),
            ("read before", wording.read_before(lineage)),
            ("made from it", made),
            ("saved after reading it", read),
            ("by", wording.maker(lineage)),
            (wording.place_label(lineage), wording.place(lineage)),
            ("repository", Code(lineage.get("remote", ""))),
            ("commit", Code(wording.commit(lineage))),
            ("trial", wording.trial(lineage)),
            ("kernel image", Code(lineage.get("image", ""))),
            ("fingerprint", Code(lineage.get("fingerprint", ""))),
            ("Python", lineage.get("python")),
            ("packages", wording.packages(saved.name, saved.version, lineage, self.packages)),
            ("restored from", Code(wording.version(lineage.get("restored")))),
            ("copied from", Code(wording.version(lineage.get("copied")))),
            ("digest", Code(saved.digest)),
            ("uri", Code(saved.uri)),
        ]
        return [(name, value) for name, value in told if value]

    def __repr__(self) -> str:
        return text_fields(self._fields(), title=human_value(self.saved.name), lead=self.sentences)

    def _repr_html_(self) -> str:
        return html_fields(self._fields(), caption=self.saved.name, lead=self.sentences, whole=True)
