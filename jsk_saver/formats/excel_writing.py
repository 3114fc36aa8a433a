"""A table as the bytes of a workbook: the same for the same table, whenever and wherever it is written."""

from __future__ import annotations

import datetime as dt
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from jsk_saver.formats import excel_cells
from jsk_saver.formats.streams import buffered
from jsk_saver.payload import BLOCK, Payload

if TYPE_CHECKING:
    from jsk_saver.formats.excel_cells import Plan
    from jsk_saver.formats.frames.view import ArrowView

#: Bytes of Arrow that become cells at a time.
SLICE = 2**20
_SHEET = "Sheet1"
#: The earliest date that a zip file can have; a workbook cannot go without one.
_NO_DATE = (1980, 1, 1, 0, 0, 0)
#: Rows looked at for the width of a column, and the widths (in characters) it may have.
_WIDTH_ROWS, _LEAST_WIDTH, _MOST_WIDTH = 100, 9, 60


class _Archive(ZipFile):
    """A zip file whose members have no date, so that equal contents give equal bytes."""

    def writestr(self, zinfo_or_arcname: Any, data: Any, *_: Any, **__: Any) -> None:
        """Add a member."""
        super().writestr(_member(zinfo_or_arcname), data)

    def write(self, filename: Any, arcname: Any = None, *_: Any, **__: Any) -> None:
        """Add a file, block by block."""
        source_path = Path(filename)
        # Where there is no going back, zipfile must know beforehand whether 4 GiB may not be enough.
        large = source_path.stat().st_size > 2**31
        with source_path.open("rb") as source, self.open(_member(arcname), "w", force_zip64=large) as target:
            shutil.copyfileobj(source, target, BLOCK)


def _member(name: str) -> ZipInfo:
    info = ZipInfo(name, _NO_DATE)
    info.compress_type, info.create_system = ZIP_DEFLATED, 0
    return info


def write(view: ArrowView, plans: list[Plan], payload: Payload) -> None:
    """Write a table, each column as planned, as a workbook of one sheet."""
    from openpyxl import Workbook
    from openpyxl.writer.excel import ExcelWriter

    workbook = Workbook(write_only=True)
    workbook.properties.creator = "jsk-saver"
    workbook.properties.created = workbook.properties.modified = dt.datetime(*_NO_DATE)
    sheet = workbook.create_sheet(_SHEET)
    try:
        _lay_out(sheet, view, plans)
        _append_headers(sheet, view)
        _append_rows(sheet, view, plans)
        with buffered(payload) as out, _Archive(out, "w") as archive:
            ExcelWriter(workbook, archive).write_data()
    except BaseException:
        # openpyxl writes the sheet to a temporary file first, and would keep it until the program ends.
        with suppress(Exception):
            if not sheet.closed:
                sheet.close()
            sheet._writer.cleanup()
        raise


def _append_rows(sheet: Any, view: ArrowView, plans: list[Plan]) -> None:
    cells = _cells(sheet, plans)
    for start, stop in view.slices(SLICE) if plans else ():
        columns = [each.texts(column(start, stop)) for each, column in zip(plans, view.columns, strict=True)]
        for row in zip(*columns, strict=True):
            sheet.append(_filled(cells, row))


def _lay_out(sheet: Any, view: ArrowView, plans: list[Plan]) -> None:
    """Keep header and index in sight, and give each column the width that it needs."""
    from openpyxl.utils import get_column_letter

    if len(plans) > view.index_levels:
        sheet.freeze_panes = f"{get_column_letter(view.index_levels + 1)}{len(view.headers) + 1}"
    for at, each in enumerate(plans):
        shown = [header[at] for header in view.headers]
        if each.number_format != "General":
            shown.append(each.number_format)
        else:
            some = each.texts(view.columns[at](0, min(view.rows, _WIDTH_ROWS)))
            shown += [text.partition("\n")[0] for text in some if text]
        width = min(max(_LEAST_WIDTH, *map(len, shown)), _MOST_WIDTH) + 2
        sheet.column_dimensions[get_column_letter(at + 1)].width = width


def _append_headers(sheet: Any, view: ArrowView) -> None:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font

    bold = Font(bold=True)
    for header in view.headers:
        row = []
        for text in header:
            cell = WriteOnlyCell(sheet)
            cell.font = bold
            cell.value, cell.data_type = excel_cells.escape(text), "s"
            row.append(cell if text else None)
        sheet.append(row)


def _cells(sheet: Any, plans: list[Plan]) -> list[tuple[Any, str]]:
    """Return one cell for each column, to be filled again for each row, and its type."""
    from openpyxl.cell import WriteOnlyCell

    cells = []
    for each in plans:
        cell = WriteOnlyCell(sheet)
        if each.number_format != "General":
            cell.number_format = each.number_format
        cells.append((cell, each.data_type))
    return cells


def _filled(cells: list[tuple[Any, str]], row: tuple[str | None, ...]) -> list[Any]:
    filled: list[Any] = []
    for (cell, data_type), text in zip(cells, row, strict=True):
        if text is None:
            filled.append(None)
            continue
        cell.value = text
        # After the value, from which openpyxl would guess formulas and errors.
        cell.data_type = "s" if data_type == "n" and text in excel_cells.NOT_NUMBERS else data_type
        filled.append(cell)
    return filled
