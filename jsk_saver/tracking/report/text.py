"""Text on its way into a page: whatever it holds, it stays text."""

from __future__ import annotations

from functools import cache
from html import escape as _escape
from typing import TYPE_CHECKING, Any

from jsk_saver.human import human_value, one_line, shorten

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

#: Characters of a value that are shown; nobody reads on.
_LONGEST = 500


def escape(said: str) -> str:
    """Return one line of text as HTML."""
    return _escape(one_line(said))


def block(said: str) -> str:
    """Return text of many lines as HTML that keeps them."""
    lines = said.replace("\r\n", "\n").split("\n")
    return f"<pre>{chr(10).join(_escape(one_line(line.replace(chr(9), '    '))) for line in lines)}</pre>"


def value(said: Any) -> str:
    """Return any JSON value as HTML; floats in six digits, with all of them as a tooltip."""
    if isinstance(said, float):
        return f'<span title="{said!r}">{said:.6g}</span>'
    whole = "None" if said is None else human_value(said)
    return escape(shorten(whole, _LONGEST))


def markdown(said: str) -> str:
    """Return Markdown as HTML. HTML in it stays text, images and links to scripts are not followed."""
    return str(_renderer().render(said.replace("\0", "")))


@cache
def _renderer() -> MarkdownIt:
    from markdown_it import MarkdownIt

    # Images would be fetched from wherever they lie.
    return MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")


def link(address: str, said: str) -> str:
    """Return a link where the address is one of the web, else the text alone.

    Examples
    --------
    >>> link("https://example.org/a?b&c", "here")
    '<a href="https://example.org/a?b&amp;c" rel="noreferrer noopener">here</a>'
    >>> link("javascript:alert(1)", "here")
    'here'
    """
    if not address.startswith(("https://", "http://")):
        return escape(said)
    return f'<a href="{_escape(address)}" rel="noreferrer noopener">{escape(said)}</a>'
