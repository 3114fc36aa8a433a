"""Tables for people: the same rows as plain text for a terminal and as HTML for a notebook.

Text is aligned and fits the terminal, also with wide characters, and never holds a control code, whatever
a value holds. HTML is escaped, and styled in place with the colours of the page around it, so that it
reads in light and dark themes, in saved notebooks and where style sheets are stripped.
"""

from __future__ import annotations

from jsk_saver.display.columns import Column, Columns
from jsk_saver.display.markup import escape, html_fields, html_table
from jsk_saver.display.text import text_fields, text_table
from jsk_saver.human import Code, human_size, human_time, human_value, one_line

__all__ = [
    "Code",
    "Column",
    "Columns",
    "escape",
    "html_fields",
    "html_table",
    "human_size",
    "human_time",
    "human_value",
    "one_line",
    "text_fields",
    "text_table",
]
