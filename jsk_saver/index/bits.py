"""Sets of positions as whole numbers, and sorted columns cut into slices of bits.

The index holds records in segments of a few thousand. A set of them is one Python integer: bit ``p`` is set
if the record at position ``p`` belongs to it. "And", "or" and "not" of conditions are then ``&``, ``|`` and
``& ~``, each well under a microsecond, whatever the share of records that fits.

Ranges and rankings work on *bit slices* (O'Neil and Quass, "Improved query performance with variant
indexes", SIGMOD 1997): slice ``i`` is the set of positions in whose number bit ``i`` is set.
"""

from __future__ import annotations

import struct
import sys
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

_DENSE = 12


def pack(positions: Sequence[int], size: int) -> int:
    """Return the set of ``positions``, all below ``size``.

    Examples
    --------
    >>> pack([0, 3], 8)
    9
    """
    if len(positions) < _DENSE:
        found = 0
        for position in positions:
            found |= 1 << position
        return found
    raw = bytearray((size + 7) // 8)
    for position in positions:
        raw[position >> 3] |= 1 << (position & 7)
    return int.from_bytes(raw, "little")


def descending(bits: int) -> Iterator[int]:
    """Yield the positions in a set, highest (newest) first.

    Examples
    --------
    >>> list(descending(9))
    [3, 0]
    """
    while bits:
        position = bits.bit_length() - 1
        yield position
        bits ^= 1 << position


def ascending(bits: int) -> Iterator[int]:
    """Yield the positions in a set, lowest (oldest) first."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest


def newest(bits: int, count: int) -> int:
    """Return the ``count`` highest positions of a set, as a set."""
    if bits.bit_count() <= count:
        return bits
    found = 0
    for _, position in zip(range(count), descending(bits), strict=False):
        found |= 1 << position
    return found


def encode(positions: Sequence[int], size: int) -> bytes:
    """Return positions as bytes: as 16-bit numbers while that is shorter than one bit for each record."""
    width = (size + 7) // 8
    if len(positions) == 1 and width > 2:
        return positions[0].to_bytes(2, "little")
    if 2 * len(positions) < width:
        return struct.pack(f"<{len(positions)}H", *positions)
    return pack(positions, size).to_bytes(width, "little")


def decode(data: bytes, size: int) -> int:
    """Return the set that :func:`encode` wrote."""
    if len(data) == (size + 7) // 8:
        return int.from_bytes(data, "little")
    return pack(struct.unpack(f"<{len(data) // 2}H", data), size)


# Slices ---------------------------------------------------------------------------------------------


def add(slices: list[int], members: int, amount: int) -> None:
    """Add ``amount`` to the number of each of ``members``, as adding by hand: bit by bit with a carry.

    Examples
    --------
    >>> slices = []
    >>> add(slices, 0b011, 3)
    >>> add(slices, 0b001, 1)
    >>> [value_at(slices, position) for position in range(3)]
    [4, 3, 0]
    """
    place = 0
    while amount:
        if amount & 1:
            carry, at = members, place
            while carry:
                if at >= len(slices):
                    slices.extend([0] * (at + 1 - len(slices)))
                slices[at], carry = slices[at] ^ carry, slices[at] & carry
                at += 1
        amount >>= 1
        place += 1


def value_at(slices: Sequence[int], position: int) -> int:
    """Return the number at ``position``."""
    found = 0
    for place, bits in enumerate(slices):
        found |= (bits >> position & 1) << place
    return found


def top(slices: Sequence[int], members: int, count: int, *, largest: bool = True) -> int:
    """Return ``count`` of ``members`` with the largest (or smallest) numbers; of equal ones the newest.

    Examples
    --------
    >>> slices = []
    >>> for position, number in enumerate([5, 9, 7, 9]):
    ...     add(slices, 1 << position, number)
    >>> list(descending(top(slices, 0b1111, 3)))
    [3, 2, 1]
    """
    chosen, rest = 0, members
    for bits in reversed(slices):
        better = rest & bits if largest else rest & ~bits
        found = better.bit_count()
        if found > count:
            rest = better
        else:
            chosen |= better
            count -= found
            rest ^= better
    return chosen | newest(rest, count)


def lower(slices: Sequence[int], members: int, limit: int) -> int:
    """Return which of ``members`` have a number below ``limit``.

    Examples
    --------
    >>> slices = []
    >>> for position, number in enumerate([5, 9, 7, 9]):
    ...     add(slices, 1 << position, number)
    >>> bin(lower(slices, 0b1111, 9))
    '0b101'
    """
    if limit >> len(slices):
        return members
    below, equal = 0, members
    for place in range(len(slices) - 1, -1, -1):
        ones = equal & slices[place]
        if limit >> place & 1:
            below |= equal ^ ones
            equal = ones
        else:
            equal ^= ones
    return below


#: For each of eight bits: the byte to ``1`` where the bit is set in it, to ``0`` elsewhere.
_DIGITS = [bytes(48 + (byte >> bit & 1) for byte in range(256)) for bit in range(8)]


def _slices(ranks: array[int], count: int) -> list[int]:
    """Return the lowest ``count`` bits of 16-bit numbers as sets of positions."""
    raw = ranks.tobytes()[::-1]  # the last position first, as the digits of a number are written
    high_first = sys.byteorder == "little"
    halves = (raw[1::2], raw[::2]) if high_first else (raw[::2], raw[1::2])
    return [int(halves[place >> 3].translate(_DIGITS[place & 7]), 2) for place in range(count)]


class Numbers:
    """The distinct numbers of a column, ascending.

    Parameters
    ----------
    values
        All of them.
    """

    def __init__(self, values: Sequence[float]) -> None:
        self.values = values

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, rank: int) -> float:
        return self.values[rank]

    def rank(self, number: float, *, after: bool) -> int:
        """Return how many are below ``number``; with ``after`` also the number itself."""
        return bisect_right(self.values, number) if after else bisect_left(self.values, number)


@dataclass(frozen=True, slots=True)
class Column:
    """One number for some of the records of a segment: the sorted distinct numbers, and ranks in slices.

    Parameters
    ----------
    numbers
        The distinct numbers.
    have
        Which records have one.
    slices
        The rank of each record's number among ``numbers``; slice 0 is the lowest bit.
    """

    numbers: Numbers
    have: int
    slices: Sequence[int]

    @classmethod
    def of(cls, pairs: Iterable[tuple[float, int]], size: int) -> Column:
        """Build the column of ``(number, position)`` pairs, one for a position.

        Examples
        --------
        >>> column = Column.of([(2.5, 0), (7.0, 2), (2.5, 3)], size=4)
        >>> column.numbers.values, bin(column.within(2, 3))
        ([2.5, 7.0], '0b1001')
        """
        found = {position: value for value, position in pairs}
        values = sorted(set(found.values()))
        rank_of = {value: rank for rank, value in enumerate(values)}
        ranks = array("H", bytes(2 * size))
        for position, value in found.items():
            ranks[position] = rank_of[value]
        slices = _slices(ranks, (len(values) - 1).bit_length())
        return cls(Numbers(values), pack(list(found), size), slices)

    def within(self, low: float, high: float, *, above: bool = False, below: bool = False) -> int:
        """Return whose number is from ``low`` to ``high`` (without ``low`` if ``above``, ...)."""
        first = self.numbers.rank(low, after=above)
        end = self.numbers.rank(high, after=not below)
        if first >= end:
            return 0
        found = self._ranked_below(end)
        return found & ~self._ranked_below(first) if first else found

    def _ranked_below(self, rank: int) -> int:
        return self.have if rank >= len(self.numbers) else lower(self.slices, self.have, rank)

    def extreme(self, members: int, count: int, *, largest: bool) -> int:
        """Return ``count`` of ``members`` with the largest (or smallest) numbers."""
        return top(self.slices, members & self.have, count, largest=largest)

    def at(self, position: int) -> float:
        """Return the number at ``position``, which must have one."""
        return self.numbers[value_at(self.slices, position)]

    def to_bytes(self, size: int) -> bytes:
        """Return who has a number and the slices as bytes."""
        width = (size + 7) // 8
        return b"".join(bits.to_bytes(width, "little") for bits in (self.have, *self.slices))

    @classmethod
    def from_bytes(cls, data: bytes, size: int, numbers: Numbers) -> Column:
        """Rebuild the column that :meth:`to_bytes` wrote.

        Examples
        --------
        >>> column = Column.of([(2.5, 0), (7.0, 2)], size=4)
        >>> Column.from_bytes(column.to_bytes(4), 4, column.numbers).at(2)
        7.0
        """
        width = (size + 7) // 8
        bitmaps = [
            int.from_bytes(data[start : start + width], "little") for start in range(0, len(data), width)
        ]
        return cls(numbers, bitmaps[0], bitmaps[1:])
