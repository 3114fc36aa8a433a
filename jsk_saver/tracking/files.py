"""Figures, tables and texts of a trial, as files beside its events."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jsk_saver.errors import InvalidMetadata
from jsk_saver.formats import Formats
from jsk_saver.payload import Payload
from jsk_saver.tracking.journal import layout

_EXTENSION = {"table": ".csv", "text": ".txt"}


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
    CannotRepresent
        If the format cannot keep it as it is.
    """
    file = name if Path(name).suffix else name + _extension(kind, obj)
    if "/" in file or "\\" in file or file.startswith("."):
        raise InvalidMetadata(f"{name!r} cannot name a {kind}: it is a file name of its own, no path.")
    formats = Formats()
    table = _as_frame(obj) if kind == "table" else obj
    with Payload(trial) as payload:
        chosen = formats.choose(file, table)
        formats.encode(chosen, table, payload, file)
        payload.finish()
        folder = trial / layout.FILES
        folder.mkdir(exist_ok=True)
        payload.move_to(folder / file)
        return {"what": kind, "name": name, "file": file, "size": payload.size, "digest": payload.digest}


def _extension(kind: str, obj: Any) -> str:
    if kind in _EXTENSION:
        return _EXTENSION[kind]
    packages = {base.__module__.partition(".")[0] for base in type(obj).__mro__}
    return ".html" if packages & {"plotly", "altair"} else ".png"


def _as_frame(table: Any) -> Any:
    if not isinstance(table, list | dict):
        return table
    import pandas as pd

    return pd.DataFrame(table)
