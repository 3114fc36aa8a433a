"""What to type for an object that a format does not take as it is, where one call makes it fit."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

from jsk_saver.formats.base import is_a
from jsk_saver.formats.translate import pip_install
from jsk_saver.formats.unpicklable import never_pickles

_PYPLOT = "matplotlib.pyplot"
_FIGURE = "matplotlib.Figure"
#: Extensions under which figures are drawn.
_DRAWN = (".png", ".jpg", ".jpeg", ".svg", ".pdf", ".tiff", ".tif", ".webp")
_PIXELS = (".png", ".jpg", ".jpeg", ".tiff", ".tif", ".webp", ".gif", ".bmp")
_TABLES = (".csv", ".tsv", ".tab", ".parquet", ".pq", ".feather", ".arrow", ".ipc", ".xlsx")
_SCALARS = (str, int, float, bool, type(None))
#: Items of a list that are looked at.
_LOOKED_AT = 100
#: No path is longer on common systems.
_LONGEST_PATH = 4096


def detours(name: str, obj: Any) -> list[str]:
    r"""Return the calls that save ``obj`` in another guise, the best one first.

    Examples
    --------
    >>> detours("a.log", "two\nlines")
    ['saver.put("a.log", …, format="txt")    # the text, as it is']
    """
    extension = Path(name).suffix.lower()
    if isinstance(obj, str):
        return list(_of_text(name, obj))
    if isinstance(obj, ModuleType):
        return list(_of_module(name, extension, obj))
    if sure := never_pickles(obj):
        return [sure]
    if figure := _figure_of(obj):
        return [f'saver.put("{_drawn(name, extension)}", {figure})    # the figure that it is in']
    if is_a(obj, "numpy.MaskedArray"):
        return list(_of_masked(name))
    if extension in _TABLES and (table := _table_of(obj)):
        return [f'saver.put("{name}", {table}){_pip("pandas")}']
    if extension in _PIXELS and (image := _image_of(obj)):
        return [f'saver.put("{name}", {image}{_pip("PIL")}']
    return []


def _of_text(name: str, text: str) -> Iterator[str]:
    if _leads_somewhere(text):
        yield f'saver.put("{name}", Path({text!r}))    # the file itself: from pathlib import Path'
    yield f'saver.put("{name}", …, format="txt")    # the text, as it is'


def _leads_somewhere(text: str) -> bool:
    if not 0 < len(text) < _LONGEST_PATH or "\n" in text:
        return False
    try:
        return Path(text).exists()
    except (OSError, ValueError):
        return False


def _of_module(name: str, extension: str, module: ModuleType) -> Iterator[str]:
    if module.__name__ == _PYPLOT:
        yield f'saver.put("{_drawn(name, extension)}", plt.gcf())    # the figure that was drawn last'
    elif getattr(module, "__file__", None):
        yield f'saver.put("{Path(name).with_suffix(".py")}", Path({module.__name__}.__file__))    # its file'


def _figure_of(obj: Any) -> str:
    """Return how to reach the figure of axes, of an array of them, or of anything else drawn into one."""
    if is_a(obj, "numpy.ndarray"):
        inner = obj.dtype.hasobject and obj.size and obj.ndim and is_a(obj.flat[0], "matplotlib.Axes")
        return "axes.flat[0].figure" if inner else ""
    if is_a(obj, _FIGURE):
        return ""
    try:
        return "axes.figure" if is_a(getattr(obj, "figure", None), _FIGURE) else ""
    except Exception:  # a property of whatever was given
        return ""


def _drawn(name: str, extension: str) -> str:
    return name if extension in _DRAWN else str(Path(name).with_suffix(".png"))


def _of_masked(name: str) -> Iterator[str]:
    # What fills the gaps, only the caller can know.
    yield f'saver.put("{Path(name).with_suffix(".npy")}", array.filled(…))    # a value for what is masked'
    arrays = '{"data": array.data, "mask": numpy.ma.getmaskarray(array)}'
    yield f'saver.put("{Path(name).with_suffix(".npz")}", {arrays})'


def _table_of(obj: Any) -> str:
    """Return how to make a table of an object; empty if that is not certain to work."""
    if is_a(obj, "numpy.ndarray"):
        return "pd.DataFrame(array)" if obj.ndim in (1, 2) and obj.dtype.kind in "biufU" else ""
    if isinstance(obj, dict):
        if obj and all(isinstance(value, _SCALARS) for value in obj.values()):
            return "pd.DataFrame([…])"
        lengths = {_column_length(value) for value in obj.values()}
        return "pd.DataFrame(…)" if len(lengths) == 1 and None not in lengths else ""
    if not isinstance(obj, list | tuple) or not obj:
        return ""
    some = list(islice(obj, _LOOKED_AT))
    rows = any(all(isinstance(item, kind) for item in some) for kind in (dict, _SCALARS, list | tuple))
    return "pd.DataFrame(…)" if rows else ""


def _column_length(value: Any) -> int | None:
    is_column = isinstance(value, list | tuple) or (is_a(value, "numpy.ndarray") and value.ndim == 1)
    return len(value) if is_column else None


def _image_of(obj: Any) -> str:
    """Return how to make an image of an array, as the start of a line; empty if there is no plain way."""
    if not is_a(obj, "numpy.ndarray") or not (obj.ndim == 2 or (obj.ndim == 3 and obj.shape[2] in (3, 4))):
        return ""
    if str(obj.dtype) == "uint8" or (str(obj.dtype) == "bool" and obj.ndim == 2):
        return "PIL.Image.fromarray(array))"
    if obj.dtype.kind == "f":
        return 'PIL.Image.fromarray((array * 255).astype("uint8")))    # where its values are 0 to 1'
    return 'PIL.Image.fromarray(array.astype("uint8")))    # where its values are 0 to 255'


def _pip(package: str) -> str:
    command = pip_install(package)
    return f"    # first: {command}" if command else ""
