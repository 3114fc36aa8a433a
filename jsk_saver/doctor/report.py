"""What the doctor found, for people and for programs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jsk_saver.display import escape, html_fields, html_table, text_fields, text_table
from jsk_saver.record import JSON
from jsk_saver.stores.base import Problem
from jsk_saver.wording import count

#: User and password in an address.
_LOGIN = re.compile(r"(?<=://)[^/@\s]+(?=@)")


def without_login(text: str) -> str:
    """Return ``text`` with user and password taken out of addresses.

    Examples
    --------
    >>> without_login("https://ana:secret@s3.example.org")
    'https://…@s3.example.org'
    """
    return _LOGIN.sub("…", text)


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found out about one part.

    Parameters
    ----------
    title
        What the part is called.
    fields
        What to show people, as names and values.
    table
        Or as columns and rows.
    data
        The same for programs.
    problems
        What is wrong with it.
    """

    title: str
    fields: list[tuple[str, Any]] = field(default_factory=list)
    table: tuple[list[str], list[list[Any]]] | None = None
    data: JSON | list[JSON] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def text(self, width: int | None = None) -> str:
        """Return it as text that fits ``width``; nothing where there is nothing to show."""
        if self.table is not None:
            return text_table(*self.table, title=self.title, width=width)
        return text_fields(self.fields, title=self.title, width=width) if self.fields else ""

    def html(self) -> str:
        """Return it as HTML; nothing where there is nothing to show."""
        if self.table is not None:
            return html_table(*self.table, caption=self.title)
        return html_fields(self.fields, caption=self.title) if self.fields else ""


class Report:
    """All findings; shows itself as text and HTML, the problems last.

    Parameters
    ----------
    findings
        By name, in the order to show.
    """

    def __init__(self, findings: Mapping[str, Finding]) -> None:
        self.findings = dict(findings)

    @property
    def problems(self) -> list[Problem]:
        """What is wrong, each with what to type."""
        return [
            Problem(without_login(problem.what), without_login(problem.hint))
            for finding in self.findings.values()
            for problem in finding.problems
        ]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    @property
    def verdict(self) -> str:
        """One line: how many problems there are."""
        return "No problems found." if self.ok else f"{count(len(self.problems), 'problem')} found:"

    def to_dict(self) -> JSON:
        """Return it as plain JSON."""
        problems = [{"what": problem.what, "hint": problem.hint} for problem in self.problems]
        found = {name: finding.data for name, finding in self.findings.items()}
        return {"ok": self.ok, "problems": problems, **found}

    def text(self, width: int | None = None) -> str:
        """Return it as text that fits ``width`` (the terminal's without one)."""
        parts = [text for finding in self.findings.values() if (text := finding.text(width))]
        return "\n\n".join([*parts, "\n".join([self.verdict, *self.problem_lines()])])

    def problem_lines(self) -> list[str]:
        """Return each problem with what to type next, in lines of their own."""
        lines = []
        for number, problem in enumerate(self.problems, 1):
            lines.append(f"  {number}. {problem.what}")
            if problem.hint:
                lines.append(f"     Next: {problem.hint}")
        return lines

    def __repr__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        parts = [html for finding in self.findings.values() if (html := finding.html())]
        problems = "".join(
            f"<li>{escape(problem.what)}"
            + (f"<br>Next: <code>{escape(problem.hint)}</code>" if problem.hint else "")
            + "</li>"
            for problem in self.problems
        )
        verdict = f'<div style="font-weight:600;padding:.4em">{escape(self.verdict)}</div>'
        return "".join([*parts, verdict, f"<ol>{problems}</ol>" if problems else ""])
