"""Reading the values of a line: the text after a colon, and where in the line it stands."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from jsk_saver.errors import QueryError
from jsk_saver.index.conditions import Equal, Range, Scalar
from jsk_saver.index.patterns import (
    any_of,
    at_least,
    at_most,
    between,
    exactly,
    less_than,
    more_than,
    present,
)
from jsk_saver.index.times import parse_iso

_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?")
_BARE = re.compile(r"[^\s,()\"]+")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_REGEX = re.compile(r"/((?:[^/\\]|\\.)*)/([aimsx]*)(?=[\s,)]|$)", re.DOTALL)
_NAMED = {"true": True, "false": False, "null": None}
_COMPARISONS = {">=": at_least, "<=": at_most, ">": more_than, "<": less_than}
_JSON = json.JSONDecoder(strict=False)
_BOUND = "A number, date or quoted text is missing"


def typed(text: str) -> Any:
    """Return what bare ``text`` may mean: the number, boolean or null it spells, and the text itself.

    Examples
    --------
    >>> typed("5"), typed("youtube"), typed("2024-01-31")
    (any_of(5, exactly('5')), 'youtube', datetime.date(2024, 1, 31))
    """
    if text in _NAMED:
        return any_of(_NAMED[text], Equal(text))
    found = bare_scalar(text)
    return (
        found if isinstance(found, str) or not isinstance(found, int | float) else any_of(found, Equal(text))
    )


def bare_scalar(text: str) -> Scalar:
    """Return the number, date or time that ``text`` spells, else the text."""
    if _NUMBER.fullmatch(text) and len(text) < 4000:  # longer ones Python refuses to read
        return float(text) if any(sign in text for sign in ".eE") else int(text)
    return parse_iso(text) or text


class Scanner:
    """A line and how far it has been read.

    Parameters
    ----------
    line
        All of it.
    """

    def __init__(self, line: str) -> None:
        self.line, self.position = line, 0

    @property
    def ended(self) -> bool:
        """Whether all has been read."""
        return self.position >= len(self.line)

    def sees(self, text: str) -> bool:
        """Tell whether ``text`` comes next."""
        return self.line.startswith(text, self.position)

    def skip(self, pattern: re.Pattern[str]) -> None:
        """Read over what fits ``pattern``."""
        self.take(pattern)

    def take(self, wanted: str | re.Pattern[str]) -> str | None:
        """Read ``wanted`` if it comes next."""
        if isinstance(wanted, str):
            found = wanted if self.sees(wanted) else None
        else:
            match = wanted.match(self.line, self.position)
            found = match[0] if match else None
        self.position += len(found or "")
        return found

    def fail(self, what: str, example: str, *, at: int | None = None, back: int = 0) -> NoReturn:
        """Refuse the line, pointing at the place."""
        place = self.position - back if at is None else at
        shown = self.line.replace("\n", " ").replace("\t", " ")
        raise QueryError(f"{what}:\n    {shown}\n    {' ' * place}^", hint=example)

    def json(self, quoted: str, start: int) -> str:
        """Return the text that ``quoted`` stands for."""
        try:
            return str(_JSON.decode(quoted))
        except ValueError:
            self.fail(
                'A backslash in quotes stands before " \\ / n t or uXXXX', r'"a \"quoted\" word"', at=start
            )

    # Values -----------------------------------------------------------------------------------------

    def text(self, example: str) -> str:
        """Read one plain text, bare or in quotes."""
        start = self.position
        quoted = self.take(_STRING)
        found = self.json(quoted, start) if quoted else self.take(_BARE)
        if not found:
            self.fail("Something is missing after the colon", example)
        return found

    def value(self) -> Any:
        """Read all that follows a colon: one value, or several with commas between them."""
        values = [self._alternative()]
        while self.take(","):
            values.append(self._alternative())
        return values[0] if len(values) == 1 else any_of(*values)

    def _alternative(self) -> Any:
        if self.take("="):
            return self._exact()
        for sign, build in _COMPARISONS.items():
            if self.take(sign):
                return self._compared(build, sign)
        regex = _REGEX.match(self.line, self.position)
        if regex:
            return self._regex(regex)
        start = self.position
        quoted = self.take(_STRING)
        if quoted is not None:
            text = self.json(quoted, start)
            return self._between(text, start) if self.take("..") else text
        return self._bare()

    def _bare(self) -> Any:
        start, text = self.position, self.take(_BARE)
        if text is None:
            self.fail("A value is missing", "origin:youtube")
        if text == "*":
            return present
        low, dots, high = text.partition("..")
        bounds = [None if part == "" else bare_scalar(part) for part in (low, high)]
        if not dots or bounds == [None, None] or any(isinstance(bound, str) for bound in bounds):
            following = text == ".." and self.sees('"')
            return self._between(None, start) if following else typed(text)
        return self._range(bounds[0], bounds[1], start)

    def _between(self, low: str | None, start: int) -> Range:
        """Read the upper end of a range of texts, whose ends are in quotes."""
        at, quoted = self.position, self.take(_STRING)
        high = self.json(quoted, at) if quoted else None
        return self._range(low, high, start)

    def _range(self, low: Scalar | None, high: Scalar | None, start: int) -> Range:
        try:
            if low is None:
                return at_most(high)
            return at_least(low) if high is None else between(low, high)
        except QueryError as error:
            self.fail(error.what.rstrip("."), "rows:1..5", at=start)

    def _compared(self, build: Any, sign: str) -> Range:
        start = self.position
        quoted = self.take(_STRING)
        bare = None if quoted else self.take(_BARE)
        if not quoted and not bare:
            self.fail(_BOUND, f"rows:{sign}1000")
        bound = self.json(quoted, start) if quoted else bare_scalar(bare or "")
        if bare and isinstance(bound, str):
            self.fail("Text to compare with stands in quotes", f'title:{sign}"{bound}"', at=start)
        try:
            return build(bound)  # type: ignore[no-any-return]
        except QueryError as error:
            self.fail(error.what.rstrip("."), f"rows:{sign}1000", at=start)

    def _exact(self) -> Equal:
        start = self.position
        if self.line[start : start + 1] in ('"', "[", "{"):
            try:
                value, self.position = _JSON.raw_decode(self.line, start)
            except (ValueError, RecursionError):
                self.fail("This is not JSON", 'tags:=["a", "b"]', at=start)
            try:
                return exactly(value)
            except QueryError as error:
                self.fail(error.what.rstrip("."), 'tags:=["a", "b"]', at=start)
        bare = self.take(_BARE)
        if not bare:
            self.fail("A value is missing", 'origin:="*"')
        return Equal(_NAMED[bare] if bare in _NAMED else bare_scalar(bare))

    def _regex(self, found: re.Match[str]) -> re.Pattern[str]:
        start, self.position = self.position, found.end()
        flags = sum(getattr(re, flag.upper()) for flag in set(found[2]))
        try:
            return re.compile(found[1].replace("\\/", "/"), flags)
        except re.error as error:
            self.fail(f"This is no regular expression ({error})", "title:/^data/i", at=start)
