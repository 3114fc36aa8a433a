"""The record: everything known about one version, and how it travels.

A record is written once, with the bytes it describes, and never changes. In a folder it is a JSON file
beside the bytes; in S3 it travels in the headers of the very PUT that carries the bytes
(:mod:`jsk_saver.stores.headers`).
"""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Any

from jsk_saver import travelled
from jsk_saver.errors import IntegrityError, InvalidMetadata, InvalidName

JSON = dict[str, Any]

#: Names below this folder belong to the kit (sidecars, environment lists, multipart leftovers).
RESERVED = ".jsk"
#: S3's limit for a key, in UTF-8 bytes (Amazon S3 User Guide, "Creating object key names").
MAX_NAME_BYTES = 1024
#: Our own limit for one version's metadata, in UTF-8 bytes of JSON.
MAX_METADATA_BYTES = 1_000_000
MAX_METADATA_DEPTH = 64
#: Python neither writes nor reads longer whole numbers as text (4,300 decimal digits).
MAX_INTEGER_BITS = 14_284
RECORD_VERSION = 1


@dataclass(frozen=True, slots=True)
class Record:
    """One version of a file name, as it was when it was saved.

    Parameters
    ----------
    name
        The file name in the store, such as ``data/channels.parquet``.
    version
        The store's identifier of this version; empty until it is stored.
    format
        Name of the format that wrote the bytes, such as ``csv``.
    type
        What was put and will come back, such as ``pandas.DataFrame``.
    size
        Length of the encoded bytes.
    digest
        ``sha256:`` and 64 hexadecimal digits, of the encoded bytes; empty for a foreign object that was
        not written by the kit.
    created
        When the version was made, by the clock of the machine that made it (aware, UTC).
    metadata
        What the user said about it: any JSON.
    lineage
        Who, where, from which commit, notebook, image and versions.
    facts
        What the format found out by itself, such as ``{"rows": 1000, "columns": 8}``.
    state
        What the format needs to give back the same object, such as the dtypes of a CSV.
    """

    name: str
    version: str
    format: str
    type: str
    size: int
    digest: str
    created: dt.datetime
    metadata: JSON = field(default_factory=dict)
    lineage: JSON = field(default_factory=dict)
    facts: JSON = field(default_factory=dict)
    state: JSON = field(default_factory=dict)

    def with_version(self, version: str) -> Record:
        """Return the same record, now that the store has given it a version."""
        return replace(self, version=version)

    def copied(self) -> Record:
        """Return the same record with dictionaries of its own, for callers who may change them."""
        trees = {key: travelled.copied(getattr(self, key)) for key in ("metadata", "lineage", "facts")}
        return replace(self, **trees)

    def to_json(self) -> JSON:
        """Return the record as plain JSON, without name and version (the store's address says those)."""
        return {
            "v": RECORD_VERSION,
            "format": self.format,
            "type": self.type,
            "size": self.size,
            "digest": self.digest,
            "created": format_time(self.created),
            "metadata": self.metadata,
            "lineage": self.lineage,
            "facts": self.facts,
            "state": self.state,
        }

    @classmethod
    def from_json(cls, name: str, version: str, data: Mapping[str, Any]) -> Record:
        """Rebuild the record of ``name`` and ``version`` from :meth:`to_json`.

        Raises
        ------
        IntegrityError
            If ``data`` is not a record that this release can read: others may have written to the store.
        """
        try:
            if data["v"] > RECORD_VERSION:
                raise IntegrityError(
                    f"The record of {name!r} (version {version}) was written by a newer release of the kit "
                    f"(record format {data['v']}, this release reads {RECORD_VERSION}).",
                    hint="pip install --upgrade jsk-saver",
                )
            return cls(
                name=name,
                version=version,
                format=travelled.text(data, "format"),
                type=travelled.text(data, "type"),
                size=travelled.size(data),
                digest=travelled.text(data, "digest"),
                created=travelled.time(data),
                metadata=travelled.shallow(data, "metadata"),
                lineage=travelled.lineage(data),
                facts=travelled.shallow(data, "facts"),
                state=travelled.tree(data, "state"),
            )
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise IntegrityError(
                f"The record of {name!r} (version {version}) is damaged: {type(error).__name__}: {error}.",
                hint=f'saver.history("{name}")    # other versions are not affected',
            ) from error


def now() -> dt.datetime:
    """Return the current time, aware and in UTC."""
    return dt.datetime.now(dt.UTC)


def format_time(when: dt.datetime) -> str:
    """Return ``when`` as ISO 8601 in UTC, always with microseconds, so that text order is time order."""
    return when.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_time(text: str) -> dt.datetime:
    """Return the aware time that :func:`format_time` wrote."""
    when = dt.datetime.fromisoformat(text)
    return when if when.tzinfo else when.replace(tzinfo=dt.UTC)


def dump_json(value: Any) -> bytes:
    """Return compact UTF-8 JSON with keys in the order given; refuses NaN."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


# Names ----------------------------------------------------------------------------------------------


def check_name(name: object) -> str:
    """Return ``name`` if every store can keep it, and say what is wrong with it otherwise.

    A name is a relative path with ``/`` between its parts, at most 1,024 bytes of UTF-8.

    Raises
    ------
    InvalidName
        If it is empty, absolute, climbs out (``..``), is too long, is not valid Unicode, or holds
        control characters or backslashes.

    Examples
    --------
    >>> check_name("data/channels.parquet")
    'data/channels.parquet'
    >>> check_name("../secrets.csv")
    Traceback (most recent call last):
        ...
    jsk_saver.errors.InvalidName: The file name '../secrets.csv' climbs out of the store with '..'.
      Next: Use a relative name such as "data/channels.parquet".
    """
    if isinstance(name, PurePath):
        name = name.as_posix()
    problem = _name_problem(name)
    if problem:
        shown = repr(name) if not isinstance(name, str) or len(name) < 120 else repr(name[:100]) + "…"
        raise InvalidName(
            f"The file name {shown} {problem}.", hint='Use a relative name such as "data/channels.parquet".'
        )
    return str(name)


def _name_problem(name: object) -> str:
    if not isinstance(name, str):
        return f"is a {type(name).__name__}, not text"
    if not name:
        return "is empty"
    try:
        length = len(name.encode("utf-8"))
    except UnicodeEncodeError:
        return "is not valid Unicode (it cannot be written as UTF-8)"
    if length > MAX_NAME_BYTES:
        return f"is {length:,} bytes long in UTF-8, and stores keep at most {MAX_NAME_BYTES:,}"
    if any(ord(character) < 32 or ord(character) == 127 for character in name):
        return "holds a control character"
    if "\ufffe" in name or "\uffff" in name:  # XML, in which servers answer, has no place for them
        return "holds U+FFFE or U+FFFF, which are no characters"
    if "\\" in name:
        return "holds a backslash (parts are separated by '/')"
    return _path_problem(name)


def _path_problem(name: str) -> str:
    parts = name.split("/")
    if name.startswith("/") or (name[1:3] == ":/" and name[0].isalpha()):
        return "is absolute"
    if ".." in parts:
        return "climbs out of the store with '..'"
    if "" in parts or "." in parts:
        return "has an empty part or a '.' between its slashes"
    if RESERVED in parts:  # anywhere: a store may lie below another one
        return f"lies in {RESERVED!r}, which the kit keeps for itself"
    return ""


# Metadata -------------------------------------------------------------------------------------------


def check_metadata(metadata: Mapping[str, Any] | None) -> JSON:
    """Return ``metadata`` as the plain JSON that will come back, a deep copy.

    Dates, times and paths become text (ISO 8601, POSIX), NumPy scalars become Python numbers, tuples
    become lists. Everything else that is not JSON is refused, naming where it stands.

    Raises
    ------
    InvalidMetadata
        For NaN or infinity, keys that are not text, values that are not JSON, text that is not valid
        Unicode, or more than 1 MB in all.

    Examples
    --------
    >>> check_metadata({"origin": "youtube", "sizes": (1, 2)})
    {'origin': 'youtube', 'sizes': [1, 2]}
    """
    if metadata is None:
        return {}
    if not isinstance(metadata, Mapping):
        raise InvalidMetadata(
            f"Metadata must be a dictionary, not {type(metadata).__name__}.",
            hint='metadata={"origin": "youtube"}',
        )
    plain: JSON = _plain(metadata, "metadata", 0)
    size = len(dump_json(plain))
    if size > MAX_METADATA_BYTES:
        raise InvalidMetadata(
            f"The metadata is {size:,} bytes of JSON, and a version keeps at most {MAX_METADATA_BYTES:,}.",
            hint="Save the large part as an object of its own, and name it in the metadata.",
        )
    return plain


def _plain(value: Any, where: str, depth: int) -> Any:
    if depth > MAX_METADATA_DEPTH:
        raise InvalidMetadata(
            f"The metadata is nested deeper than {MAX_METADATA_DEPTH} levels at {where[:60]}…",
            hint="Save the nested part as an object of its own, and name it in the metadata.",
        )
    if isinstance(value, Mapping):
        return {_key(key, where): _plain(item, f"{where}[{key!r}]", depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, f"{where}[{number}]", depth + 1) for number, item in enumerate(value)]
    return _scalar(value, where)


def _key(key: Any, where: str) -> str:
    if not isinstance(key, str):
        raise InvalidMetadata(
            f"The key {key!r} in {where} is a {type(key).__name__}; JSON has text keys only.",
            hint=f'Write it as "{key}".',
        )
    return _text(str.__str__(key), where)


def _scalar(value: Any, where: str) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(str.__str__(value), where)  # str() of an enum's member is its name
    if isinstance(value, int | float):
        return _number(value, where)
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return _moment(value.isoformat(), where)
    if isinstance(value, PurePath):
        return _text(value.as_posix(), where)
    if type(value).__module__ == "numpy" and getattr(value, "ndim", 1) == 0:
        return _of_numpy(value, where)
    raise _not_json(value, where)


def _number(value: int | float, where: str) -> int | float:
    if isinstance(value, int):
        if value.bit_length() > MAX_INTEGER_BITS:
            raise InvalidMetadata(
                f"{where} is a whole number of more than 4,300 digits, which JSON readers refuse.",
                hint="Write it as text.",
            )
        return int(value)
    if not math.isfinite(value):
        raise InvalidMetadata(
            f"{where} is {value!r}, which JSON cannot hold.", hint="Use None, or leave the key out."
        )
    return float(value)


def _moment(text: str, where: str) -> str:
    if text == "NaT":
        raise InvalidMetadata(f"{where} is NaT, which is no time.", hint="Use None, or leave the key out.")
    return text


def _of_numpy(value: Any, where: str) -> Any:
    if value.dtype.kind == "M":  # its item() is a bare number of nanoseconds
        return _moment(str(value), where)
    item = value.item()
    if value.dtype.kind == "m" or (type(item).__module__ == "numpy" and float(item) != item):
        raise _not_json(value, where)
    return _number(float(item), where) if type(item).__module__ == "numpy" else _scalar(item, where)


def _not_json(value: Any, where: str) -> InvalidMetadata:
    return InvalidMetadata(
        f"{where} is a {type(value).__module__}.{type(value).__qualname__}, which JSON cannot hold.",
        hint="Metadata takes text, numbers, booleans, None, lists and dictionaries of those.",
    )


def _text(text: str, where: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidMetadata(f"{where} holds text that is not valid Unicode ({error.reason}).") from error
    return text
