"""Warnings that show the user's line, not the kit's own behind it."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

_KIT = str(Path(__file__).parent) + os.sep


def warn(said: str) -> None:
    """Warn whoever called the kit."""
    level = 1
    frame = sys._getframe(0)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_KIT):
        frame, level = frame.f_back, level + 1
    warnings.warn(said, stacklevel=level)
