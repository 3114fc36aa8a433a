"""What changed between two versions: rows and values of tables, paths of JSON, lines of text, or bytes.

:func:`difference` looks at two objects and chooses how to compare them; the :class:`Difference` it returns
shows itself in notebooks and terminals.
"""

from __future__ import annotations

from jsk_saver.diff.difference import Difference, difference

__all__ = ["Difference", "difference"]
