"""Formats: objects to file bytes and back, chosen by extension and type.

Nothing heavy is imported here; each format imports what it needs when it is used.
"""

from __future__ import annotations

from jsk_saver.formats.base import Encoded, Format, Reading
from jsk_saver.formats.registry import Formats

__all__ = ["Encoded", "Format", "Formats", "Reading"]
