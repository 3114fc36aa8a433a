"""What this machine saw of a store and need not ask again for a day.

A mark is a file without content. Whoever removes and makes a store anew does so behind their back, so they
are believed for a day only, and dropped as soon as anything contradicts them.
"""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from pathlib import Path

from jsk_saver.stores.base import stamp

#: Seconds for which a mark is believed.
BELIEVED = 24 * 3600


class Marks:
    """Marks in ``folder``; one that cannot be written costs only another question."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def has(self, what: str) -> bool:
        """Tell whether ``what`` was seen within a day."""
        try:
            age = time.time() - self._file(what).stat().st_mtime
        except OSError:
            return False
        return 0 <= age < BELIEVED

    def add(self, what: str) -> None:
        """Remember that ``what`` was seen now."""
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            self._file(what).touch()

    def drop(self, what: str) -> None:
        """Forget that ``what`` was seen."""
        with suppress(OSError):
            self._file(what).unlink()

    def clear(self) -> None:
        """Forget all."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _file(self, what: str) -> Path:
        return self.folder / stamp(what)
