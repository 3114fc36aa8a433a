"""Sets of positions and sorted columns do what plain lists would do."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jsk_saver.index.bits import (
    Column,
    add,
    ascending,
    decode,
    descending,
    encode,
    newest,
    pack,
    top,
    value_at,
)

SIZE = 300
positions = st.sets(st.integers(0, SIZE - 1)).map(sorted)
numbers = st.sampled_from([-1e300, -2.5, -1.0, 0.0, 1.0, 7.0, 1e300]) | st.floats(-10, 10)
columns = st.dictionaries(st.integers(0, SIZE - 1), numbers, min_size=1)


@given(positions)
def test_a_set_is_the_same_after_being_packed_and_stored(several):
    bits = pack(several, SIZE)
    assert list(ascending(bits)) == several
    assert list(descending(bits)) == several[::-1]
    data = encode(several, SIZE)
    assert decode(data, SIZE) == bits
    assert len(data) <= (SIZE + 7) // 8


@given(st.integers(1, 40), st.data())
def test_small_sets_are_never_taken_for_dense_ones(size, data):
    several = sorted(data.draw(st.sets(st.integers(0, size - 1))))
    assert decode(encode(several, size), size) == pack(several, size)


@given(positions, st.integers(0, 20))
def test_the_newest_are_the_highest_positions(several, count):
    assert list(descending(newest(pack(several, SIZE), count))) == several[::-1][:count]


@given(st.lists(st.tuples(positions, st.integers(0, 200))))
def test_slices_add_up(additions):
    slices: list[int] = []
    sums = [0] * SIZE
    for several, amount in additions:
        add(slices, pack(several, SIZE), amount)
        for position in several:
            sums[position] += amount
    assert [value_at(slices, position) for position in range(SIZE)] == sums


@given(columns, numbers, numbers, st.booleans(), st.booleans())
def test_a_column_knows_who_is_within_a_range(column, low, high, above, below):
    built = Column.of(((value, position) for position, value in column.items()), SIZE)
    stored = Column.from_bytes(built.to_bytes(SIZE), SIZE, built.numbers)
    expected = {
        position
        for position, value in column.items()
        if (value > low if above else value >= low) and (value < high if below else value <= high)
    }
    assert set(ascending(stored.within(low, high, above=above, below=below))) == expected
    assert {position: stored.at(position) for position in column} == column


@given(columns, positions, st.integers(0, 50), st.booleans())
def test_the_extremes_of_a_column_are_those_of_a_sorted_list(column, members, count, largest):
    built = Column.of(((value, position) for position, value in column.items()), SIZE)
    found = list(ascending(built.extreme(pack(members, SIZE), count, largest=largest)))
    among = [position for position in members if position in column]
    among.sort(
        key=lambda position: (column[position] if largest else -column[position], position), reverse=True
    )
    assert found == sorted(among[:count])


def test_of_equal_numbers_the_newest_are_taken():
    slices: list[int] = []
    add(slices, pack([1, 5, 9], 16), 3)
    assert list(descending(top(slices, pack([0, 1, 5, 9, 12], 16), 4))) == [12, 9, 5, 1]
    assert list(descending(top(slices, pack([0, 1, 5, 9, 12], 16), 2))) == [9, 5]
