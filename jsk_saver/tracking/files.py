"""Figures, tables and texts of a trial, as files beside its events."""

from __future__ import annotations

import numbers
from pathlib import Path
from typing import Any

from jsk_saver.errors import InvalidMetadata, UnknownFormat
from jsk_saver.formats import Formats
from jsk_saver.payload import Payload
from jsk_saver.tracking.journal import layout
from jsk_saver.warning import warn

_EXTENSION = {"table": ".csv", "text": ".txt"}
_DRAWN = {"matplotlib", "plotly", "altair", "PIL"}

#: Files of a trial by kind and name.
Taken = dict[tuple[str, str], str]


def keep(trial: Path, kind: str, name: str, obj: Any) -> dict[str, Any]:
    """Write an object beside the events of a trial; return what to note about it.

    Parameters
    ----------
    trial
        The trial's folder.
    kind
        ``"figure"``, ``"table"`` or ``"text"``.
    name
        With an extension to choose the format; one of the same name is replaced.
    obj
        The figure, table or text.

    Raises
    ------
    UnknownFormat
        If it is no such thing, or the extension none that could hold it.
    CannotRepresent
        If the format cannot keep it as it is.
    """
    file = file_name(kind, name, obj)
    formats = Formats()
    table = _as_frame(obj) if kind == "table" else obj
    try:
        chosen = formats.choose(file, table)
    except UnknownFormat as error:
        raise UnknownFormat(f"{error.what} It was to be a {kind}.", hint=_advice(name, obj)) from None
    with Payload(trial) as payload:
        encoded = formats.encode(chosen, table, payload, file)
        payload.finish()
        folder = trial / layout.FILES
        folder.mkdir(exist_ok=True)
        payload.move_to(folder / file)
        said = {"what": kind, "name": name, "file": file, "size": payload.size, "digest": payload.digest}
    return {**said, "format": chosen.name, "type": encoded.type, "state": encoded.state}


def add(trial: Path, taken: Taken, kind: str, name: str, obj: Any) -> dict[str, Any]:
    """Write an object as :func:`keep` does; warn where it takes the place of another.

    Parameters
    ----------
    taken
        The files that the trial has; the new one is added.

    Raises
    ------
    InvalidMetadata
        If the file would be that of another kind.
    """
    file = file_name(kind, name, obj)
    replaced = _replaces(taken, kind, name, file)
    said = keep(trial, kind, name, obj)
    taken[kind, name] = file
    if replaced:
        warn(f"The {kind} {name!r} of this trial is replaced by a newer one; other names keep both.")
    return said


def file_name(kind: str, name: str, obj: Any) -> str:
    """Return what the file of an object is called.

    Raises
    ------
    InvalidMetadata
        If the name is a path.
    """
    file = name if Path(name).suffix else name + _extension(kind, obj)
    if "/" in file or "\\" in file or file.startswith("."):
        raise InvalidMetadata(f"{name!r} cannot name a {kind}: it is a file name of its own, no path.")
    return file


def _replaces(taken: Taken, kind: str, name: str, file: str) -> bool:
    """Tell whether a file takes the place of one that was logged before; refuse one of another kind."""
    for (other, its_name), its_file in taken.items():
        if its_file == file and other != kind:
            raise InvalidMetadata(
                f"The {other} {its_name!r} of this trial is in the file {file!r} already.",
                kept=f"The {other}, as it is.",
                hint=f'trial.log_{kind}("{Path(name).stem}-{kind}", …)',
            )
    return (kind, name) in taken or file in taken.values()


def _extension(kind: str, obj: Any) -> str:
    return _EXTENSION.get(kind) or (".html" if _packages(obj) & {"plotly", "altair"} else ".png")


def _packages(obj: Any) -> set[str]:
    return {base.__module__.partition(".")[0] for base in type(obj).__mro__}


def _as_frame(table: Any) -> Any:
    if not isinstance(table, list | dict):
        return table
    import pandas as pd

    return pd.DataFrame(table)


def _advice(name: str, obj: Any) -> str:
    """Return how to log what is no such thing as was said."""
    stem = Path(name).stem
    if isinstance(obj, numbers.Real):
        return f'trial.log_metric("{stem}", {obj!r})'
    if isinstance(obj, str):
        return f'trial.log_text("{stem}", text)'
    if hasattr(obj, "columns"):
        return f'trial.log_table("{stem}", table)'
    if isinstance(getattr(obj, "shape", None), tuple):
        return f'trial.log_table("{stem}", pd.DataFrame(array))'
    if _packages(obj) & _DRAWN:
        return f'trial.log_figure("{stem}", figure)    # or "{stem}.svg"'
    return f'trial.put("{stem}.json", …)    # saves any object, in the format of the extension'
