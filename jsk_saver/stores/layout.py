"""How file names and versions become folders of a local store, and back.

::

    store/
      data/channels.parquet/                      one folder for a file name
        @20261120T203153.123456Z-8f3a2c1b/        one folder for a version
          channels.parquet                        the bytes, as any tool reads them
          record.json                             what is known about them
        @20261121T080000.000000Z-00c0ffee.hidden  a marker: the name was deleted
      .jsk/                                       the kit's own: unfinished puts, notes

Version identifiers sort in the order of their making; the random end keeps writers of the same
microsecond apart.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import secrets
from urllib.parse import quote, unquote

RECORD_FILE = "record.json"
HIDDEN = ".hidden"

_STAMP = "%Y%m%dT%H%M%S.%fZ"
_VERSION = re.compile(
    r"\d{4}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3])([0-5]\d){2}\.\d{6}Z-[0-9a-f]{8}"
)
#: Longest part of a path on common file systems is 255 bytes; leave room for ``.part`` and the like.
_LONGEST_PART = 200
_CUT = "%~"


def is_version(text: str) -> bool:
    """Tell whether ``text`` has the form of a version identifier."""
    return _VERSION.fullmatch(text) is not None


def new_version(after: str = "") -> str:
    """Return an identifier for a version made now, later than ``after`` even if the clock went back."""
    when = dt.datetime.now(dt.UTC)
    if after:
        when = max(when, made_at(after) + dt.timedelta(microseconds=1))
    return f"{when.strftime(_STAMP)}-{secrets.token_hex(4)}"


def made_at(version: str) -> dt.datetime:
    """Return when ``version`` was made."""
    return dt.datetime.fromisoformat(version.partition("-")[0])  # many times faster than strptime


def folder_of(name: str) -> str:
    """Return the folder, relative to the store, that holds the versions of ``name``.

    Characters that some file system refuses are percent-quoted, and parts too long for one are cut and
    end in a digest (the record keeps the whole name).

    Examples
    --------
    >>> folder_of("data/@new/50% off?.csv")
    'data/%40new/50%25 off%3F.csv'
    """
    return "/".join(_quote_part(part) for part in name.split("/"))


def name_of(folder: str) -> str | None:
    """Return the file name whose versions ``folder`` holds, or None if it was cut."""
    return None if _CUT in folder else unquote(folder)


def _quote_part(part: str) -> str:
    text = re.sub(r'[%<>:"|?*]', lambda found: quote(found[0], safe=""), part)
    if text.startswith("@"):
        text = "%40" + text[1:]
    if text[-1] in ". ":
        text = text[:-1] + f"%{ord(text[-1]):02X}"
    if len(text.encode()) > _LONGEST_PART:
        head = text.encode()[: _LONGEST_PART - 40].decode(errors="ignore").rstrip("%. ")
        text = head + _CUT + hashlib.sha256(part.encode()).hexdigest()[:32]
    return text
