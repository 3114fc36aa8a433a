"""How a record travels in the headers of the PUT that carries its bytes.

S3 keeps 2 KB of ASCII headers with an object, and some servers count the ``x-amz-meta-`` in front of each
(Amazon S3 User Guide, "Working with object metadata"). So the record goes, in this order of preference,

1. as plain JSON in the header ``jsk``, which people can read in the console;
2. the same, compressed against a dictionary of the words that records are made of;
3. as a note of its own, written *before* the object, with its digest in the header.

Beside it, copies of the plain values of the user's metadata stand in headers of their own, for people
reading in the AWS console. They are never read back: the record alone is the truth.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import re
import secrets
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from jsk_saver.errors import IntegrityError, NotFound
from jsk_saver.record import JSON, Record, dump_json

#: Bytes of all headers together, prefixes counted: well below 2 KB.
BUDGET = 1_600
#: Bytes that the readable copies may take of it.
COPIES_BUDGET = 500
#: Characters of one readable copy.
COPY_LENGTH = 200
HEADER = "jsk"
PREFIX = "x-amz-meta-"
#: More than this many bytes of JSON would not fit even compressed; do not try.
_NOT_WORTH_COMPRESSING = 16_000

# Words that records are made of; the most common last, as zlib prefers. Changing this breaks reading:
# add a second dictionary with a marker of its own instead.
_WORDS_Z = (
    b'"Interval","Period","duration[ns]","decimal128(","time64[us]","date32[day]","large_string","binary",'
    b'"categories":["ordered":false,"values":"int8","dictionary<values=string, indices=int8, ordered=0>"'
    b'"timestamp[us, tz=UTC]","timestamp[ns]","timestamp[us]","uint8","int32","float","bool","int64","double"'
    b'"string","object","category","datetime64[ns]","Int64","boolean","pandas":{"index_columns":['
    b'{"kind":"range","name":null,"start":0,"stop":,"step":1}],"column_indexes":[{"name":null,'
    b'"field_name":null,"pandas_type":"unicode","numpy_type":"object","metadata":{"encoding":"UTF-8"}}],'
    b'"polars.DataFrame""pyarrow.Table""sklearn.pipeline.Pipeline""numpy.ndarray""builtins.dict""matplotlib.'
    b'figure.Figure""format":"csv""format":"parquet""format":"json""format":"skops"origin source model kind '
    b"description https://github.com/git@gitlab.com:ssh://.git refs/heads/feature/develop main notebooks/.ipynb"  # noqa: E501
    b'/home/sagemaker-user/root/.dkr.ecr.eu-west-1.amazonaws.com/@sha256:"trial":""experiment":""fingerprint"'
    b':""image":""python":"3.11.","packages":""dirty":""cell":""notebook":""remote":""branch":""commit":""host"'
    b':""user":""parents":[{"name":""version":""}]"state":{}}"facts":{"rows":,"columns":"lineage":{"metadata":'
    b'{"created":"202-T:.Z","digest":"sha256:"size":"type":"pandas.DataFrame"{"v":1,"format":""'
)


@dataclass(frozen=True, slots=True)
class Travelling:
    """A record ready to travel.

    Parameters
    ----------
    headers
        User metadata for the PUT, all ASCII.
    note_key, note
        What has to be written first; empty when the headers hold everything.
    """

    headers: dict[str, str]
    note_key: str = ""
    note: bytes = b""


def pack(record: Record) -> Travelling:
    """Return the headers for ``record``, and the note to write first if they cannot hold it."""
    copies = readable_copies(record.metadata)
    left = BUDGET - sum(_cost(key, value) for key, value in copies.items()) - _cost(HEADER, "")
    data = record.to_json()
    plain = _plain(data)
    if len(plain) <= left:
        return Travelling({**copies, HEADER: plain})
    if len(plain) <= _NOT_WORTH_COMPRESSING:
        squeezed = _squeeze(dump_json(data))
        if len(squeezed) <= left:
            return Travelling({**copies, HEADER: squeezed})
    # The random part keeps two versions with equal records from sharing a note: purging one takes it away.
    note = dump_json({"name": record.name, "own": secrets.token_hex(8), **data})
    digest = hashlib.sha256(note).hexdigest()
    return Travelling({**copies, HEADER: f"n:{digest}"}, note_key(digest), note)


def unpack(
    name: str,
    version: str,
    headers: Mapping[str, str],
    *,
    size: int,
    modified: dt.datetime,
    get_note: Callable[[str], bytes],
) -> Record:
    """Return the record that :func:`pack` sent, or a bare one for an object that others wrote.

    Raises
    ------
    IntegrityError
        If the header or the note it refers to is damaged.
    """
    text = headers.get(HEADER)
    if text is None:
        return Record(name, version, "", "", size, "", modified, metadata=dict(headers))
    try:
        if text.startswith("n:"):
            note = get_note(note_key(text[2:]))
            if hashlib.sha256(note).hexdigest() != text[2:]:
                raise ValueError("its note was altered")
            data = json.loads(note)
        elif text.startswith("z:"):
            data = json.loads(_expand(text))
        else:
            data = json.loads(text)
    except NotFound:
        raise _damaged(name, version, "the note it refers to is gone") from None
    except (ValueError, zlib.error, RecursionError) as error:
        raise _damaged(name, version, str(error)) from error
    return Record.from_json(name, version, data)


def _damaged(name: str, version: str, why: str) -> IntegrityError:
    return IntegrityError(
        f"The record of {name!r} (version {version}) is damaged: {why}.",
        kept="The object's bytes, which other tools can read.",
        hint=f'saver.history("{name}")    # other versions are not affected',
    )


def note_key(digest: str) -> str:
    """Return where the note with this digest is kept."""
    return f"records/{digest}.json"


def note_of(headers: Mapping[str, str]) -> str:
    """Return the key of the note that these headers refer to, or nothing."""
    text = headers.get(HEADER, "")
    return note_key(text[2:]) if text.startswith("n:") else ""


def readable_copies(metadata: JSON) -> dict[str, str]:
    """Return the plain values of ``metadata`` as headers for people, as far as there is room.

    Examples
    --------
    >>> readable_copies({"Origin": "youtube", "rows": 10, "model": {"kind": "knn"}})
    {'origin': 'youtube', 'rows': '10'}
    """
    copies: dict[str, str] = {}
    left = COPIES_BUDGET
    for key, value in metadata.items():
        name = re.sub(r"[^a-z0-9.-]+", "-", key.lower()).strip("-.")
        if not name or name in copies or name.startswith(HEADER) or isinstance(value, dict | list | None):
            continue
        text = _readable(value)
        if text and _cost(name, text) <= left:
            copies[name] = text
            left -= _cost(name, text)
    return copies


def _readable(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    # The control characters would end the header; runs of spaces are signed differently by some servers.
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if len(text) > COPY_LENGTH:
        text = text[: COPY_LENGTH - 3] + "..."
    if text.isascii():
        return text
    return f"=?UTF-8?B?{base64.b64encode(text.encode()).decode()}?="  # RFC 2047, as S3 itself does


def _cost(key: str, value: str) -> int:
    return len(PREFIX) + len(key) + len(value)


def _plain(data: JSON) -> str:
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    # Compact JSON has spaces only inside its texts, where an escaped one means the same.
    return text.replace("  ", " \\u0020").replace("\x7f", "\\u007f")


def _squeeze(data: bytes) -> str:
    press = zlib.compressobj(9, zlib.DEFLATED, -15, zdict=_WORDS_Z)
    return "z:" + base64.b64encode(press.compress(data) + press.flush()).decode()


def _expand(text: str) -> bytes:
    return zlib.decompressobj(-15, zdict=_WORDS_Z).decompress(base64.b64decode(text[2:], validate=True))
