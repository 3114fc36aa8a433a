"""What kind of name belongs where somebody is typing, found out from the text before the cursor alone."""

from __future__ import annotations

import re
from typing import NamedTuple

#: Characters before the cursor that are looked at; a call is rarely longer.
_LOOKED_AT = 2_000


class Place(NamedTuple):
    """Where somebody is typing.

    Parameters
    ----------
    kind
        What belongs there: the name of a ``"file"``, a ``"key"`` of the metadata to search by, a
        ``"new key"`` to save with, a ``"condition"`` of a search, a ``"value"`` in one (with its key), a
        ``"trial"``, an ``"experiment"``, a ``"metric"``, a ``"quantity"``, which is a metric or a parameter,
        a ``"verb"`` of ``%saver`` or a ``"kernel verb"`` of ``%kernel``, or a ``"dependency"`` of the
        notebook's project.
    owner
        The variable whose names they are, such as ``saver``; empty for the ready-made saver.
    typed
        What is there already.
    """

    kind: str
    owner: str
    typed: str


# A string that is still open, its contents as one group whichever quote it has.
_OPEN = r"""(?:"(?P<double>[^"\\\n]*)|'(?P<single>[^'\\\n]*))$"""
# Arguments before the one that is being typed: no call or bracket of theirs is open.
_BEFORE = r"(?:[^()\[\]{}]|\([^()]*\)|\[[^\[\]]*\])*"
_OWNER = r"(?<![\w.])(?P<owner>[A-Za-z_][\w.]*)"

_FILES = "get|put|history|describe|lineage|diff|delete|restore|purge|copy|verify"
_MAGIC = "get|history|describe|lineage|diff"


def _call(verbs: str, rest: str) -> re.Pattern[str]:
    return re.compile(rf"{_OWNER}\.(?:{verbs})\(\s*{rest}")


_PLACES = [
    ("file", _call(_FILES, rf"(?:filename\s*=\s*)?{_OPEN}")),
    ("file", re.compile(rf"(?P<owner>)(?:^|[\n=])\s*%saver[ ]+(?:{_MAGIC})[ ]+{_OPEN}")),
    ("file", re.compile(rf"(?P<owner>)(?:^|[\n=])\s*%saver[ ]+(?:{_MAGIC})[ ]+(?P<bare>[^\s\"']*)$")),
    # A key in a dictionary: {"…, or {"a": 1, "…
    (
        "key",
        _call("search|get|trials|compare|best|plot|report", rf"{_BEFORE}\{{\s*(?:[^{{}}]*,\s*)?{_OPEN}"),
    ),
    ("new key", _call("put", rf"{_BEFORE}metadata\s*=\s*\{{\s*(?:[^{{}}]*,\s*)?{_OPEN}")),
    ("condition", _call("search|trials|compare", rf"(?:pattern\s*=\s*)?{_OPEN}")),
    ("condition", _call("get|best|plot|report", rf"{_BEFORE}(?:search_)?pattern\s*=\s*{_OPEN}")),
    ("condition", re.compile(r"(?P<owner>)(?:^|[\n=])\s*%saver[ ]+search[ ]+(?P<bare>[^\"'\n]*)$")),
    ("kernel verb", re.compile(r"(?P<owner>)(?:^|[\n=])\s*%kernel[ ]+(?P<bare>[a-z]*)$")),
    (
        "dependency",
        re.compile(r"(?P<owner>)(?:^|[\n=])\s*%kernel[ ]+remove[ ]+(?:\S+[ ]+)*(?P<bare>[\w.-]*)$"),
    ),
    ("trial", re.compile(rf"{_OWNER}\[\s*{_OPEN}")),
    ("trial", _call("trial|reproduce", rf"(?:name\s*=\s*)?{_OPEN}")),
    ("experiment", re.compile(rf"(?P<owner>)(?<!\w)Experiment\(\s*(?:name\s*=\s*)?{_OPEN}")),
    ("experiment", re.compile(r"(?P<owner>)^%%trial[ ]+(?P<bare>[^\s\"'=/]*)$")),
    ("trial", re.compile(r"^%%trial[ ]+(?P<owner>[^\s\"'=/]+)/(?P<bare>[^\s\"'=/]*)$")),
    ("verb", re.compile(r"(?P<owner>)(?:^|[\n=])\s*%saver[ ]+(?P<bare>[a-z]*)$")),
    ("metric", _call("best", rf"(?:metric\s*=\s*)?{_OPEN}")),
    (
        "quantity",
        _call("plot", rf"(?:(?:metric\s*=\s*)?(?:\[[^\[\]]*)?|{_BEFORE}(?:x|color)\s*=\s*){_OPEN}"),
    ),
]


def find_place(text: str) -> Place | None:
    """Return what belongs at the end of ``text``, if it is anything of the kit's.

    Examples
    --------
    >>> find_place('saver.get("data/ch')
    Place(kind='file', owner='saver', typed='data/ch')
    >>> find_place('saver.search("origin:youtube -cle')
    Place(kind='condition', owner='saver', typed='cle')
    >>> find_place('experiment.compare("k:5 status:')
    Place(kind='value', owner='experiment', typed='status:')
    """
    for kind, pattern in _PLACES:
        found = pattern.search(text[-_LOOKED_AT:])
        if found is not None:
            typed = next(
                said
                for name in ("double", "single", "bare")
                if (said := found.groupdict().get(name)) is not None
            )
            if kind != "condition":
                return Place(kind, found["owner"], typed)
            word = re.split(r"[\s(]", typed)[-1].lstrip("-")
            return Place("value" if ":" in word else kind, found["owner"], word)
    return None
