"""Categories: from the values or codes of each slice to codes into one list of categories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jsk_saver.formats.frames.arrow_types import values_from_json, values_to_json

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa


def dictionary_to_json(dictionary: pa.Array, complete: bool) -> list[Any] | None:
    """Return what the state must say about a dictionary: nothing if the data says it all.

    That is so where every entry is used and the entries are sorted, as ``astype("category")`` makes them.
    """
    import pyarrow.compute as pc

    if complete and len(dictionary) and not dictionary.null_count:
        order = pc.array_sort_indices(dictionary).to_pylist()
        if order == list(range(len(dictionary))) and len(pc.unique(dictionary)) == len(dictionary):
            return None
    return values_to_json(dictionary)


def dictionary_from_json(values: list[Any] | None, kind: pa.DictionaryType) -> pa.Array | None:
    """Return the dictionary that :func:`dictionary_to_json` wrote down; None if the data says it all."""
    return None if values is None else values_from_json(values, kind.value_type)


class Codes:
    """Collects the slices of a categorical column, and gives codes into one dictionary for all.

    Parameters
    ----------
    value_type
        Type of the categories.
    dictionary
        The categories; without them, all values found, sorted.
    """

    def __init__(self, value_type: pa.DataType, dictionary: pa.Array | None) -> None:
        self._type, self._dictionary = value_type, dictionary
        self._parts: list[tuple[np.ndarray, pa.Array]] = []

    def add(self, chunk: pa.Array) -> None:
        """Take in the values of one slice: dictionary-encoded or plain."""
        import pyarrow as pa

        if not pa.types.is_dictionary(chunk.type):
            chunk = chunk.dictionary_encode()
        dictionary = chunk.dictionary
        if dictionary.type != self._type:
            dictionary = dictionary.cast(self._type)
        codes = chunk.indices.cast(pa.int32())
        codes = (codes.fill_null(-1) if codes.null_count else codes).to_numpy()
        self._parts.append((codes, dictionary))

    def finish(self) -> tuple[list[np.ndarray], pa.Array]:
        """Return the codes of every slice (-1 where missing) and the dictionary they point into.

        Raises
        ------
        ValueError
            If a value is not among the categories.
        """
        dictionary = self._found() if self._dictionary is None else self._dictionary
        return [_translated(codes, own, dictionary) for codes, own in self._parts], dictionary

    def _found(self) -> pa.Array:
        import pyarrow as pa
        import pyarrow.compute as pc

        if not self._parts:
            return pa.array([], self._type)
        found = pc.unique(pa.concat_arrays([own for _, own in self._parts])).drop_null()
        return found.take(pc.array_sort_indices(found))


def _translated(codes: np.ndarray, own: pa.Array, dictionary: pa.Array) -> np.ndarray:
    """Return codes into ``own`` as codes into ``dictionary``; -1 stays -1."""
    import numpy as np
    import pyarrow.compute as pc

    if own.equals(dictionary):
        return codes
    places = pc.index_in(own, value_set=dictionary).fill_null(-1).to_numpy()
    lost = np.flatnonzero(places < 0)
    if len(lost) and np.isin(codes, lost).any():
        raise ValueError(f"the value {own[int(lost[0])].as_py()!r} is not one of the categories")
    # A code of -1 picks the last place, which is -1 again.
    translated: np.ndarray = np.append(places, np.int32(-1))[codes]
    return translated
