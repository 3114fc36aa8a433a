"""Comparing arrays and tensors: shape, type, how many elements changed and by how much."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from jsk_saver.diff.content import EXAMPLES, Block, Content, as_json, show, show_pair
from jsk_saver.formats.base import is_a
from jsk_saver.record import JSON

#: What a file with only one array calls it.
ONLY = ""


def arrays_of(obj: Any) -> dict[str, Any] | None:
    """Return the NumPy arrays in ``obj`` by name, or None if it holds none, or something else too."""
    named = obj if isinstance(obj, dict) and obj else {ONLY: obj}
    arrays = {str(name): _as_array(item) for name, item in named.items()}
    return None if any(array is None for array in arrays.values()) else arrays


def _as_array(obj: Any) -> Any:
    if is_a(obj, "numpy.ndarray"):
        return obj
    if is_a(obj, "torch.Tensor"):
        tensor = obj.detach().cpu()
        try:
            return tensor.numpy()
        except TypeError:  # bfloat16 and its kin, which NumPy does not have
            return tensor.float().numpy()
    return None


@dataclass(frozen=True, slots=True)
class ArrayChange:
    """How one array changed; ``changed`` is None where the shapes do not allow to count."""

    name: str
    old: str
    new: str
    changed: int | None = None
    size: int = 0
    largest: float | None = None
    examples: list[tuple[str, Any, Any]] = field(default_factory=list)


class ArraysContent(Content):
    """Two arrays, or two files of named arrays.

    Parameters
    ----------
    old, new
        The arrays by name.
    """

    kind = "arrays"

    def __init__(self, old: dict[str, Any], new: dict[str, Any]) -> None:
        self._changes = [
            change
            for name in dict.fromkeys([*old, *new])
            if (change := _compare(name, old.get(name), new.get(name))) is not None
        ]
        self.same = not self._changes

    def blocks(self) -> list[Block]:
        """Return a line for each changed array, and the first changed elements."""
        if self.same:
            return []
        rows = [
            [change.name or "(array)", change.old, change.new, _share(change), _number(change.largest)]
            for change in self._changes
        ]
        columns = ["array", "old", "new", "changed elements", "largest difference"]
        examples = [
            [f"{change.name}{place}", *show_pair(*pair)]
            for change in self._changes
            for place, *pair in change.examples
        ][:EXAMPLES]
        blocks = [Block("Arrays", columns=columns, rows=rows)]
        if examples:
            blocks.append(Block("First changes", columns=["element", "old", "new"], rows=examples))
        return blocks

    def to_dict(self) -> JSON:
        """Return each changed array."""
        return {
            "arrays": [
                {
                    "name": change.name,
                    "old": change.old,
                    "new": change.new,
                    "changed": change.changed,
                    "largest": as_json(change.largest),
                    "examples": [
                        {"element": place, "old": as_json(old), "new": as_json(new)}
                        for place, old, new in change.examples
                    ],
                }
                for change in self._changes
            ]
        }


def _compare(name: str, old: Any, new: Any) -> ArrayChange | None:
    if old is None or new is None:
        return ArrayChange(name, _outline(old), _outline(new))
    if old.shape != new.shape:
        return ArrayChange(name, _outline(old), _outline(new))
    differs = _differs(old, new)
    count = int(differs.sum())
    if not count and old.dtype == new.dtype:
        return None
    return ArrayChange(
        name,
        _outline(old),
        _outline(new),
        count,
        old.size,
        _largest(old, new, differs) if count else None,
        _examples(old, new, differs),
    )


def _outline(array: Any) -> str:
    if array is None:
        return "(absent)"
    return f"{' × '.join(f'{length:,}' for length in array.shape) or 'scalar'} {array.dtype}"


def _differs(old: Any, new: Any) -> Any:
    import numpy as np

    try:
        differs = np.asarray(old != new)
    except TypeError:  # text and numbers, say
        differs = np.ones(old.shape, dtype=bool)
    if old.dtype.kind in "fcmM" and new.dtype.kind in "fcmM":
        missing = [np.isnat(side) if side.dtype.kind in "mM" else np.isnan(side) for side in (old, new)]
        differs &= ~(missing[0] & missing[1])
    return differs


def _largest(old: Any, new: Any, differs: Any) -> float | None:
    import numpy as np

    if old.dtype.kind not in "biufc" or new.dtype.kind not in "biufc":
        return None
    wide = complex if "c" in (old.dtype.kind, new.dtype.kind) else float
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.abs(new[differs].astype(wide) - old[differs].astype(wide))
    return None if np.isnan(apart).all() else float(np.nanmax(apart))


def _examples(old: Any, new: Any, differs: Any) -> list[tuple[str, Any, Any]]:
    import numpy as np

    places = np.argwhere(differs.reshape(differs.shape or (1,)))[:EXAMPLES]
    if not old.shape:
        return [("", old[()], new[()]) for _ in places]
    return [
        (f"[{', '.join(str(i) for i in place)}]", old[tuple(place)], new[tuple(place)]) for place in places
    ]


def _share(change: ArrayChange) -> str:
    if change.changed is None:
        return ""
    share = f" ({change.changed / change.size:.1%})" if change.size else ""
    return f"{change.changed:,} of {change.size:,}{share}"


def _number(value: float | None) -> str:
    return "" if value is None else show(f"{value:.6g}").strip("'")
