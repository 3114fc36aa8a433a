"""Answers of AWS that are kept for hours, because each costs money or time."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer from before.

    Parameters
    ----------
    value
        What was answered, as JSON has it.
    asked
        When.
    """

    value: Any
    asked: dt.datetime

    def age(self, now: dt.datetime) -> dt.timedelta:
        """Return how old it is."""
        return now - self.asked


class Answers:
    """A folder of answers; one that nobody can write to keeps nothing, and says nothing.

    Parameters
    ----------
    folder
        Made when the first answer is kept.

    Examples
    --------
    >>> answers = Answers(Path(tempfile.mkdtemp()) / "costs")
    >>> answers.keep({"question": 1}, [2, 3])
    True
    >>> answers.recall({"question": 1}).value
    [2, 3]
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def recall(self, question: Any) -> Kept | None:
        """Return the answer to a question, however old; None without one that can be read."""
        try:
            told = json.loads(self._path(question).read_text(encoding="utf-8"))
            asked = dt.datetime.fromisoformat(told["asked"])
            return Kept(told["value"], asked) if told["question"] == question and asked.tzinfo else None
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def keep(self, question: Any, value: Any, now: dt.datetime | None = None) -> bool:
        """Keep an answer in place of the one before, and tell whether that could be done."""
        asked = (now or dt.datetime.now(dt.UTC)).isoformat()
        text = json.dumps({"question": question, "asked": asked, "value": value})
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            # Beside its place, so that whoever reads meanwhile reads the old or the new one, and whole.
            handle, name = tempfile.mkstemp(dir=self._folder, suffix=".unfinished")
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    file.write(text)
                Path(name).replace(self._path(question))
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
            return True
        return False

    def _path(self, question: Any) -> Path:
        digest = hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()
        return self._folder / f"{digest[:32]}.json"
