r"""The one-line form of a search, as typed on a command line.

==========================  ===========================================================================
``youtube channels``        words, best match first, small spelling errors forgiven
``"machine learning"``      words next to each other
``origin:youtube``          a value; ``rows:5`` is the number and the text, ``draft:true`` the boolean too
``origin:youtube,vimeo``    one of several
``origin:you*``             a shape: ``*`` is any characters, all else is itself
``origin:="*"``             exactly this JSON value (also ``:=5``, ``:=true``, ``:=["a", "b"]``)
``day:2024-01-31``          every time on that day; a moment too fits whatever its zone
``title:/^data/i``          a regular expression, with flags; found anywhere
``rows:>=1000``             also ``>``, ``<=``, ``<``; numbers, dates, times and quoted text
``rows:1..5``               from, to; ``day:2024-01-01..`` has one end
``has:origin  no:origin``   the path is there (also ``origin:*``), or is not
``model.kind:lgbm``         a nested path; ``"v1.0".kind`` or ``v1\.0.kind`` where a key has a dot
``@rows:5``                 what the kit noted, whatever the metadata says
``user:ann  commit:4f2a``   what lineage or metadata say; ``@user:ann`` the lineage alone
``-draft  -origin:vimeo``   not; also ``NOT draft``
``a OR b  (a b OR c)``      one of; words in here are conditions and are not ranked
``a AND b``                 the same as ``a b``
``since:7d  until:today``   when it was saved, in local time: a date, a time, ``"2 weeks"``, ``yesterday``
``sort:-rows``              by a path, descending; newest first (or best first) without
``*``                       everything
``limit:20  page:2``        also ``limit:all``, ``offset:30``
``is:latest  is:hidden``    only the newest version of each name; deleted names too (``latest:true`` as well)
==========================  ===========================================================================

``=``, ``<`` and ``>`` stand after a colon: ``rows>1000`` and ``!draft`` are refused, with what to write
instead; in quotes they are text.

Examples
--------
>>> line_condition("origin:youtube -draft")
And(parts=(Where(path='origin', spec=exactly('youtube')), Not(part=Words(text='draft', phrase=False))))
>>> read_line("yotube chanel origin:you* sort:-rows limit:20").text
'yotube chanel'
>>> read_line("origin:youtube rows:>=")
Traceback (most recent call last):
    ...
jsk_saver.errors.QueryError: A number, date or quoted text is missing:
    origin:youtube rows:>=
                          ^
  Next: rows:>=1000
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, NoReturn

from jsk_saver.errors import QueryError
from jsk_saver.index.conditions import And, Condition, Not, Where, Words, all_of, one_of
from jsk_saver.index.paths import join_path, split_path
from jsk_saver.index.patterns import at_least, at_most, present, where
from jsk_saver.index.times import parse_when
from jsk_saver.index.values import Scanner

#: Keys that do not name a path, unless they are quoted.
OPTIONS = ("sort", "limit", "page", "offset", "is", "latest", "hidden")
CONDITIONS = ("since", "until", "has", "no")
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_KEY = re.compile(
    rf"@?(?:{_QUOTED}|(?:[^\s\"():,.\\]|\\.)+)(?:\.(?:{_QUOTED}|(?:[^\s\"():,.\\]|\\.)*))*(?=:)"
)
_KEY_PART = re.compile(rf"{_QUOTED}|(?:[^\".\\]|\\.)+|(?=\.)|$")
_STRING = re.compile(_QUOTED, re.DOTALL)
_WORD = re.compile(r"[^\s\"()]+")
_SPACE = re.compile(r"\s*")
_DEEPEST = 50
_EVERYTHING = re.compile(r"\*(?=[\s()]|$)")
_OR = re.compile(r"OR(?=[\s()]|$)")
_AND = re.compile(r"AND(?=[\s()]|$)")
_NOT = re.compile(r"NOT(?=[\s()]|$)")
#: What people write in other languages: ``rows >= 1000``, ``origin=youtube``, ``!draft``.
_FOREIGN = re.compile(
    rf"(?P<key>[^\s\"():,=<>!]*)\s*(?P<sign>=>|=<|<>|[=!<>]=?)\s*(?P<value>{_QUOTED}|[^\s\"()=<>!]*)"
)
_YES, _NO = ("true", "yes", "1"), ("false", "no", "0")


@dataclass
class Line:
    """What a line says: conditions, ranked text, and how to show the results."""

    condition: Condition
    text: str | None = None
    options: dict[str, Any] = field(default_factory=dict)


def read_line(line: str) -> Line:
    """Return what ``line`` says.

    Raises
    ------
    QueryError
        If it means nothing, with a caret under the place.
    """
    reader = _Reader(line)
    alternatives = reader.alternatives(depth=0)
    if len(alternatives) > 1:
        return Line(one_of([all_of(items) for items in alternatives]), None, reader.options)
    # Words that stand alone are ranked; those in a group or behind a minus are plain conditions.
    grouped = set(map(id, reader.grouped))
    words = [item for item in alternatives[0] if isinstance(item, Words) and id(item) not in grouped]
    rest = [item for item in alternatives[0] if not isinstance(item, Words) or id(item) in grouped]
    text = " ".join(f'"{word.text}"' if word.phrase else word.text for word in words)
    return Line(all_of(rest), text or None, reader.options)


def line_condition(line: str) -> Condition:
    """Return what ``line`` says as one condition, for use inside a pattern; its words are not ranked."""
    reader = _Reader(line)
    alternatives = reader.alternatives(depth=0)
    if reader.options:
        raise QueryError(
            f"{' and '.join(reader.options)} cannot stand inside a pattern: {line!r}.",
            hint='search("origin:youtube sort:-rows")',
        )
    return one_of([all_of(items) for items in alternatives])


class _Reader:
    """A recursive-descent parser: alternatives, of items, of a key and a value, a word or a group."""

    def __init__(self, line: str) -> None:
        self.scanner = Scanner(line)
        self.options: dict[str, Any] = {}
        self.grouped: list[Condition] = []

    def alternatives(self, depth: int) -> list[list[Condition]]:
        """Read up to the end, or up to the parenthesis that closes this group."""
        scanner = self.scanner
        found: list[list[Condition]] = [[]]
        while True:
            scanner.skip(_SPACE)
            if scanner.ended or (depth and scanner.sees(")")):
                break
            if scanner.take(_OR):
                self._between(found[-1], "OR")
                found.append([])
            elif scanner.take(_AND):
                self._between(found[-1], "AND")
                self._item_after("AND", depth, found[-1])
            else:
                self._add(self._item(depth), found[-1])
        if len(found) > 1 and not found[-1]:
            scanner.fail("A condition is missing after OR", "origin:youtube OR origin:vimeo")
        return found

    def _between(self, before: list[Condition], word: str) -> None:
        if not before:
            example = f"origin:youtube {word} rows:>=1000"
            self.scanner.fail(f"A condition is missing before {word}", example, back=len(word))

    def _item_after(self, word: str, depth: int, items: list[Condition]) -> None:
        scanner = self.scanner
        scanner.skip(_SPACE)
        if scanner.ended or scanner.sees(")") or _OR.match(scanner.line, scanner.position):
            scanner.fail(f"A condition is missing after {word}", f"origin:youtube {word} rows:>=1000")
        self._add(self._item(depth), items)

    @staticmethod
    def _add(item: Condition | None, items: list[Condition]) -> None:
        if item is not None:
            items.append(item)

    def _item(self, depth: int) -> Condition | None:
        scanner = self.scanner
        if depth > _DEEPEST:
            scanner.fail(f"This is nested deeper than {_DEEPEST} levels", "-(a OR b)")
        if scanner.take("-"):
            if scanner.ended or scanner.sees(" "):
                scanner.fail("Something is missing after the minus", "-draft", back=1)
            return self._negated(depth)
        if scanner.take(_NOT):
            scanner.skip(_SPACE)
            if scanner.ended or scanner.sees(")"):
                scanner.fail("A condition is missing after NOT", "NOT origin:vimeo")
            return self._negated(depth)
        if scanner.take("("):
            return self._group(depth)
        if scanner.take(_EVERYTHING):
            return And()
        if scanner.sees(")"):
            scanner.fail("This parenthesis closes nothing", '"a) b"    # in quotes, to look for it')
        key = scanner.take(_KEY)
        return self._keyed(key, depth) if key else self._words()

    def _negated(self, depth: int) -> Condition:
        inner = self._item(depth + 1)
        assert inner is not None  # options are refused below the top level
        return Not(inner)

    def _group(self, depth: int) -> Condition:
        start = self.scanner.position
        found = self.alternatives(depth + 1)
        if not self.scanner.take(")"):
            self.scanner.fail("A parenthesis is not closed", "(a OR b)", at=start - 1)
        if not any(found):
            self.scanner.fail("There is nothing in these parentheses", "(a OR b)", at=start - 1)
        group = one_of([all_of(items) for items in found])
        self.grouped.append(group)
        return group

    def _words(self) -> Condition:
        scanner, start = self.scanner, self.scanner.position
        quoted = scanner.take(_STRING)
        if quoted is None and scanner.sees('"'):
            scanner.fail("A quote is not closed", '"machine learning"')
        if quoted is None and scanner.sees(":"):
            scanner.fail("A key is missing before the colon", "origin:youtube")
        if quoted is None:
            self._refuse_foreign()
        text = scanner.json(quoted, start) if quoted else scanner.take(_WORD) or ""
        try:
            return Words(text.replace('"', " "), phrase=quoted is not None)
        except QueryError:
            scanner.fail("There is no word here", "youtube channels", at=start)

    def _refuse_foreign(self) -> None:
        """Refuse ``rows>1000``, ``rows >= 1000`` and ``!draft``: read as words they mean something else."""
        scanner = self.scanner
        found = _FOREIGN.match(scanner.line, scanner.position)
        if found is None or not found["key"] + found["value"]:
            return
        sign, key, value = found["sign"], found["key"], found["value"]
        if sign == "!" and key:  # the end of a sentence
            return
        said = "Not is a minus" if sign == "!" else f"A colon is missing before {sign}"
        scanner.fail(said, _translated(sign, key, value), at=found.start("sign"))

    # Keys -------------------------------------------------------------------------------------------

    def _keyed(self, key: str, depth: int) -> Condition | None:
        start = self.scanner.position - len(key)
        self.scanner.take(":")
        if key in OPTIONS:
            if depth:
                self.scanner.fail(
                    f"{key}: counts for the whole line, not for a part", f"a OR b {key}:…", at=start
                )
            self._option(key)
            return None
        if key in ("has", "no"):
            there = Where(_path(self.scanner.take(_WORD_PATH) or self._nothing("has:origin")), present)
            return Not(there) if key == "no" else there
        if key in ("since", "until"):
            moment = self._checked(parse_when, self.scanner.text("since:7d"))
            return Where("@created", at_least(moment) if key == "since" else at_most(moment))
        path = _path(key)
        start = self.scanner.position
        return self._checked(where, path, self.scanner.value(), start=start)  # type: ignore[no-any-return]

    def _option(self, key: str) -> None:
        start, text = self.scanner.position, self.scanner.text(f"{key}:{_OPTION_EXAMPLES[key]}")
        if key == "sort":
            self.options[key] = text
        elif key == "is":
            if text not in ("latest", "hidden"):
                self.scanner.fail(f"{text!r} is neither latest nor hidden", "is:latest", at=start)
            self.options[text] = True
        elif key in ("latest", "hidden"):
            if text.lower() not in _YES + _NO:
                self.scanner.fail(f"{text!r} is neither true nor false", f"{key}:true", at=start)
            self.options[key] = text.lower() in _YES
        elif key == "limit" and text == "all":
            self.options[key] = None
        elif text.isascii() and text.isdigit() and (key == "offset" or int(text) > 0):
            self.options[key] = int(text)
        else:
            self.scanner.fail(f"{text!r} is no count", f"{key}:{_OPTION_EXAMPLES[key]}", at=start)

    def _checked(self, build: Any, *arguments: Any, start: int | None = None) -> Any:
        """Call ``build``; what it refuses is shown in the line."""
        try:
            return build(*arguments)
        except QueryError as error:
            self.scanner.fail(error.what.rstrip("."), error.hint, at=start)

    def _nothing(self, example: str) -> NoReturn:
        self.scanner.fail("A path is missing", example)


def _translated(sign: str, key: str, value: str) -> str:
    """Return what somebody meant who wrote ``key``, ``sign`` and ``value`` as in another language."""
    if sign == "!" and not key:
        return f"-{value}"
    key, value = key or "rows", value or "1000"
    if sign in ("!=", "<>"):
        return f"-{key}:{value}"
    return f"{key}:{value}" if sign in ("=", "==") else f"{key}:{_SIGNS.get(sign, sign)}{value}"


_SIGNS = {"=>": ">=", "=<": "<="}
_OPTION_EXAMPLES = {
    "sort": "-rows", "limit": "20", "page": "2", "offset": "100", "is": "latest",
    "latest": "true", "hidden": "true",
}  # fmt: skip
_WORD_PATH = re.compile(rf"@?(?:{_QUOTED}|(?:[^\s\"():,\\]|\\.))+")


def _path(written: str) -> str:
    """Return the path that a key in a line names: a quoted part is one key, dots and all."""
    if '"' not in written:
        return written
    noted, keys, position = written.startswith("@"), [], int(written.startswith("@"))
    while True:
        part = _KEY_PART.match(written, position)
        assert part is not None  # the pattern fits the empty text as well
        text = part[0]
        keys.append(json.loads(text, strict=False) if text.startswith('"') else split_path(text)[1][0])
        position = part.end() + 1
        if position > len(written):
            break
    path = join_path(tuple(keys))
    return "@" + path.removeprefix("\\") if noted else path
