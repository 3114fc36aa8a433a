r"""Arrow values as the cells of a sheet, and back exactly.

=====================================  ==================================================================
type                                   cell
=====================================  ==================================================================
missing                                none (an empty text is a cell of text without any)
number, boolean                        what Excel calls so; not-a-number and infinity are text
whole number beyond 2 to the 53rd      text, the whole column: Excel's numbers end there
text                                   text, never a formula or an error; ``\r`` as Excel writes it
date, time, moment without a zone      Excel's, if all are whole milliseconds since March 1900; else text
category                               its value
everything else that CSV can say       the text that CSV has for it
=====================================  ==================================================================
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from jsk_saver.formats import csv_text
from jsk_saver.formats.csv_text import OutOfReachError
from jsk_saver.formats.frames.arrow_types import plain_string, ticks

if TYPE_CHECKING:
    import pyarrow as pa

#: Characters of text that a cell can hold.
LONGEST = 32_767
#: Text with fewer characters than this fits whatever has to be escaped in it.
_SURELY_FITS = LONGEST // 7
_LARGEST_INTEGER = 2**53
_DAY = 86_400_000
#: Days from Excel's day 0 to 1970-01-01.
_EPOCH = 25_569
#: Milliseconds since 1970 of the first day that all programs count alike (Excel has a 29 February 1900),
#: and of the last moment there is.
_FIRST, _LAST = -25_508 * _DAY, 2_932_897 * _DAY - 1
#: What XML has no way to say; in the words of Arrow's (RE2) and of Python's regular expressions.
_ILLEGAL_RE2 = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x{FFFE}\x{FFFF}]"
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_LIKE_AN_ESCAPE = re.compile(r"_(?=x[0-9A-Fa-f]{4}[_\r])")
NOT_NUMBERS = frozenset(("nan", "inf", "-inf"))


class UnfitTextError(OutOfReachError):
    """Text that a cell cannot hold, though other formats can."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How the cells of one column are written.

    Parameters
    ----------
    data_type
        What Excel calls it: ``n`` for numbers, ``b`` for booleans, ``s`` for text.
    texts
        Returns what stands in the cells of a slice; None where there is no cell.
    number_format
        How Excel shows the number.
    """

    data_type: str
    texts: Callable[[pa.Array], list[str | None]]
    number_format: str = "General"


def plan(kind: pa.DataType, slices: Callable[[], Iterable[pa.Array]]) -> Plan:
    """Return how to write a column, after a look at all that is in it.

    Parameters
    ----------
    kind
        Its type.
    slices
        Returns its values, as often as it is called.

    Raises
    ------
    OutOfReachError
        If no cell can say a value.

    Examples
    --------
    >>> import pyarrow as pa
    >>> whole = pa.array([1, None, 2**53 + 1])
    >>> plan(whole.type, lambda: [whole]).data_type, plan(whole.type, lambda: [whole[:2]]).data_type
    ('s', 'n')
    """
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        inner = plan(kind.value_type, lambda: (each.dictionary_decode() for each in slices()))
        texts = inner.texts
        return Plan(inner.data_type, lambda array: texts(array.dictionary_decode()), inner.number_format)
    if plain_string(kind):
        for each in slices():
            _check_text(csv_text.to_text(each))
        return Plan("s", lambda array: [None if v is None else escape(v) for v in array.to_pylist()])
    if pa.types.is_boolean(kind):
        return Plan("b", lambda array: [None if v is None else str(int(v)) for v in array.to_pylist()])
    if pa.types.is_integer(kind):
        return Plan("n" if all(map(_fits, slices())) else "s", _numbers)
    if pa.types.is_floating(kind):
        return Plan("n", lambda array: _numbers(array.cast(pa.float64())))
    if is_native_time(kind):
        return _plan_times(kind, slices)
    return _plan_text(slices)


def _plan_text(slices: Callable[[], Iterable[pa.Array]]) -> Plan:
    for each in slices():
        csv_text.to_text(each)
    return Plan("s", _csv_texts)


def is_native_time(kind: pa.DataType) -> bool:
    """Tell whether Excel knows values of this type as dates or times."""
    import pyarrow as pa

    naive = pa.types.is_timestamp(kind) and kind.tz is None
    return naive or pa.types.is_date(kind) or pa.types.is_time(kind)


def values(cells: list[tuple[Any, bool]], kind: pa.DataType) -> pa.Array:
    """Return the array whose cells were read.

    Parameters
    ----------
    cells
        What openpyxl found in each, and whether there was text (of which it shows an empty one as None).
    kind
        The type of the column; of a dictionary, the values come back.
    """
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        return values(cells, kind.value_type)
    found = [_value(cell) for cell in cells]
    if pa.types.is_null(kind):
        return pa.nulls(len(found))
    if pa.types.is_boolean(kind):
        return pa.array(found, kind)
    if pa.types.is_integer(kind):
        return pa.array([None if value is None else int(value) for value in found], kind)
    if pa.types.is_floating(kind):
        return pa.array([None if value is None else float(value) for value in found], pa.float64()).cast(kind)
    if is_native_time(kind) and not any(isinstance(value, str) for value in found):
        return _times(found, kind)
    texts = pa.array(found, pa.large_string())
    if pa.types.is_time(kind):
        return _times_of_texts(texts, kind)
    return csv_text.from_text(texts.cast(csv_text.reading_kind(kind)), kind)


# Text ------------------------------------------------------------------------------------------------


def escape(text: str) -> str:
    r"""Return text as it is written to a cell: with Excel's own word for what XML would change.

    Examples
    --------
    >>> escape("a\r\n"), escape("_x000D_")
    ('a_x000D_\n', '_x005F_x000D_')
    """
    if "_x" in text:
        text = _LIKE_AN_ESCAPE.sub("_x005F_", text)
    return text.replace("\r", "_x000D_")


def unescape(text: str) -> str:
    """Return the text that :func:`escape`, or Excel, wrote."""
    return _ESCAPED.sub(_unescaped, text) if "_x" in text else text


def _unescaped(match: re.Match[str]) -> str:
    code = int(match[1], 16)
    # Half of a surrogate pair is no text.
    return match[0] if 0xD800 <= code < 0xE000 else chr(code)


def check_text(text: str) -> None:
    """Refuse text that no cell can hold.

    Raises
    ------
    UnfitTextError
        Saying why.
    """
    if _ILLEGAL.search(text):
        raise UnfitTextError("holds text with control characters, which a workbook cannot hold", text)
    if len(text) > _SURELY_FITS and max(len(escape(text)), len(text.encode("utf-16-le")) // 2) > LONGEST:
        raise UnfitTextError(f"holds text of more than {LONGEST:,} characters, all that a cell holds", text)


def _check_text(array: pa.Array) -> None:
    import pyarrow.compute as pc

    illegal = pc.match_substring_regex(array, _ILLEGAL_RE2)
    long = pc.greater(pc.utf8_length(array), _SURELY_FITS)
    for text in array.filter(pc.or_(illegal, long)).to_pylist():
        if text is not None:
            check_text(text)


def _value(cell: tuple[Any, bool]) -> Any:
    value, is_text = cell
    if value is None:
        return "" if is_text else None
    return unescape(value) if isinstance(value, str) else value


def _csv_texts(array: pa.Array) -> list[str | None]:
    import pyarrow as pa

    texts = csv_text.to_text(array).cast(pa.large_string())
    return [None if text is None else escape(text) for text in texts.to_pylist()]


# Numbers ---------------------------------------------------------------------------------------------


def _fits(array: pa.Array) -> bool:
    import pyarrow.compute as pc

    limits = pc.min_max(array)
    return all(abs(limits[end].as_py() or 0) <= _LARGEST_INTEGER for end in ("min", "max"))


def _numbers(array: pa.Array) -> list[str | None]:
    # As text, because openpyxl would round to 16 digits, and it takes 17 to tell all numbers apart.
    return [None if value is None else repr(value) for value in array.to_pylist()]


# Dates and times -------------------------------------------------------------------------------------


def _plan_times(kind: pa.DataType, slices: Callable[[], Iterable[pa.Array]]) -> Plan:
    import pyarrow as pa

    is_time, clock, fraction = pa.types.is_time(kind), False, False
    for each in slices():
        milliseconds = _milliseconds(each)
        if milliseconds is None:
            return _plan_text(slices)
        found = milliseconds.drop_null().to_numpy()
        clock = clock or bool((found % _DAY).any())
        fraction = fraction or bool((found % 1000).any())
    number_format = "hh:mm:ss" if is_time else "yyyy-mm-dd hh:mm:ss" if clock else "yyyy-mm-dd"
    shift = 0 if is_time else _EPOCH * _DAY
    return Plan("n", partial(_serials, shift=shift), number_format + (".000" if fraction else ""))


def _milliseconds(array: pa.Array) -> pa.Array | None:
    """Return dates and times as milliseconds since 1970 or midnight; None if Excel does not reach there."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = array.type
    try:
        if pa.types.is_time(kind):
            return array.cast(pa.time32("ms")).view(pa.int32()).cast(pa.int64())
        if pa.types.is_date64(kind):
            # Which may have a time of day, that no date in text has: refused there.
            array = csv_text.to_text(array)
        target = pa.date64() if pa.types.is_date(kind) else pa.timestamp("ms")
        milliseconds = array.cast(target).view(pa.int64())
    except pa.ArrowInvalid:
        return None
    limits = pc.min_max(milliseconds)
    reached = all(_FIRST <= (limits[end].as_py() or 0) <= _LAST for end in ("min", "max"))
    return milliseconds if reached else None


def _serials(array: pa.Array, shift: int) -> list[str | None]:
    milliseconds = _milliseconds(array)
    assert milliseconds is not None, "the plan was made for other values"
    return [None if value is None else _serial(value + shift) for value in milliseconds.to_pylist()]


def _serial(milliseconds: int) -> str:
    """Return Excel's number for a moment: days, with the time of day as a fraction."""
    days, rest = divmod(milliseconds, _DAY)
    return repr(milliseconds / _DAY) if rest else str(days)


def _times(found: list[Any], kind: pa.DataType) -> pa.Array:
    import pyarrow as pa

    if pa.types.is_time(kind):
        return pa.array(found, pa.time64("us")).cast(kind)
    moments = pa.array(found, pa.timestamp("us"))
    return moments.cast(pa.date32()).cast(kind) if pa.types.is_date(kind) else moments.cast(kind)


def _times_of_texts(texts: pa.Array, kind: pa.DataType) -> pa.Array:
    """Return times of day from text, which Arrow reads for moments only."""
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = pc.binary_join_element_wise("1970-01-01", texts.cast(pa.string()), " ")
    moments = texts.cast(pa.timestamp(kind.unit))
    return moments.view(pa.int64()).cast(ticks(kind)).view(kind)
