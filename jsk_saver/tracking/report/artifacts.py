"""Figures, tables and texts of a trial, put into the page itself."""

from __future__ import annotations

import base64
import csv
import io
import re
from html import escape as escape_all
from pathlib import Path
from typing import Any

from jsk_saver.human import human_size, human_value, rounded
from jsk_saver.tracking.journal import layout
from jsk_saver.tracking.report.text import block, escape, markdown

#: Bytes of figures that go into one page, together and each; a browser opens that at once.
MOST_BYTES, _MOST_BYTES_EACH = 24 * 10**6, 8 * 10**6
_MOST_TEXT = 60_000
_DIGITS = 6
#: What is written with more digits than anybody compares.
_LONG_FLOAT = re.compile(r"[+-]?\d*\.\d+(?:[eE][+-]?\d+)?")
_MOST_ROWS, _MOST_COLUMNS = 50, 30
_IMAGES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".svg": "image/svg+xml",
}


class Artifacts:
    """Puts files into a page, as long as there is room.

    Parameters
    ----------
    folder
        The experiment's, in the journal.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._room = folder, MOST_BYTES

    def show(self, trial: str, said: dict[str, Any]) -> str:
        """Return the HTML of one file that a trial logged."""
        name, file = str(said.get("name", "")), str(said.get("file", ""))
        return f"<figure><figcaption>{escape(name)}</figcaption>{self._body(trial, file)}</figure>"

    def _body(self, trial: str, file: str) -> str:
        if not file or Path(file).name != file:
            return '<p class="quiet">This is no name of a file.</p>'
        path = self._folder / trial / layout.FILES / file
        kind = path.suffix.lower()
        try:
            size = path.stat().st_size
            if kind in _IMAGES or kind in (".html", ".htm"):
                return self._embedded(path, kind, size)
            if kind in (".csv", ".tsv"):
                return _table(path, "\t" if kind == ".tsv" else ",")
            if kind in (".txt", ".md", ".json", ".yaml", ".yml", ".toml", ".log", ".diff", ".patch"):
                return _text(path, size)
        except OSError:
            return '<p class="quiet">This file is not on this machine.</p>'
        return f'<p class="quiet">{human_size(size)}, in {escape(str(path))}</p>'

    def _embedded(self, path: Path, kind: str, size: int) -> str:
        if size > min(self._room, _MOST_BYTES_EACH):
            return f'<p class="quiet">{human_size(size)}, too much for this page; in {escape(str(path))}</p>'
        data = path.read_bytes()
        self._room -= len(data)
        if kind in _IMAGES:
            coded = base64.b64encode(data).decode()
            return f'<img alt="" loading="lazy" src="data:{_IMAGES[kind]};base64,{coded}">'
        page = escape_all(data.decode("utf-8", "replace"))
        # In a box of its own, without this page's origin; loaded when somebody looks.
        return f'<iframe sandbox="allow-scripts" title="figure" data-page="{page}"></iframe>'


def _table(path: Path, delimiter: str) -> str:
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        lines = io.StringIO(file.read(_MOST_TEXT * 10))
    rows = []
    try:
        for row in csv.reader(lines, delimiter=delimiter):
            rows.append(row[:_MOST_COLUMNS])
            if len(rows) > _MOST_ROWS + 1:
                break
    except csv.Error:
        return _text(path, path.stat().st_size)
    head = "".join(f"<th>{escape(cell)}</th>" for cell in rows[0]) if rows else ""
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows[1 : _MOST_ROWS + 1])
    more = f'<p class="quiet">The first {_MOST_ROWS} rows.</p>' if len(rows) > _MOST_ROWS + 1 else ""
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{more}'


def _cell(said: str) -> str:
    """Return a cell of a table: floats in six digits, with all of them as a tooltip."""
    try:
        number = float(said) if _LONG_FLOAT.fullmatch(said) else None
    except ValueError:
        number = None
    if number is None:
        return f"<td>{escape(said[:200])}</td>"
    short = human_value(rounded(number, _DIGITS))
    return f'<td class="n" title="{escape(said)}">{escape(short)}</td>'


def _text(path: Path, size: int) -> str:
    with path.open(encoding="utf-8", errors="replace") as file:
        said = file.read(_MOST_TEXT)
    more = f'<p class="quiet">The beginning of {human_size(size)}.</p>' if size > len(said.encode()) else ""
    shown = f'<div class="markdown">{markdown(said)}</div>' if path.suffix.lower() == ".md" else block(said)
    return shown + more
