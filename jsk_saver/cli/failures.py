"""How the command tells what went wrong: what happened, what was kept, what to type next."""

from __future__ import annotations

import os
import re
import shlex
import sys
import traceback
import warnings
from typing import Any

from jsk_saver import terminal
from jsk_saver.errors import JskError
from jsk_saver.terminal import note, style
from jsk_saver.tracebacks import DEBUG

REFUSED = 5
_FAILED = 1
_CALL = re.compile(r"""saver\.(\w+)\((?:"([^"]*)")?(?:, version="([^"]*)")?\)""")


def refused(what: str, *, kept: str = "", hint: str = "") -> JskError:
    """Return an error for something that is not done without being told to."""
    error = JskError(what, kept=kept, hint=hint)
    error.exit_code = REFUSED
    return error


def tell(error: JskError) -> int:
    """Print an error on the standard error stream and return what to exit with."""
    from jsk_saver.doctor.report import without_login
    from jsk_saver.rescue import IN_MEMORY

    _trace()
    kept = error.kept.replace(IN_MEMORY, "").strip()  # this process ends now
    hint = for_the_shell(error.hint) if error.hint else ""
    terminal.tell(JskError(without_login(error.what), kept=kept, hint=hint), "jsk")
    return error.exit_code


def tell_unexpected(error: Exception) -> int:
    """Print an error that nobody foresaw, and return what to exit with."""
    _trace()
    note(f"{style('jsk:', 'red')} {type(error).__name__}: {error}")
    if not os.environ.get(DEBUG):
        note(f"  {style('Next:', 'bold')} {DEBUG}=1 jsk …    # shows where; then please report it")
    return _FAILED


def _trace() -> None:
    if os.environ.get(DEBUG):
        traceback.print_exc(file=sys.stderr)


def for_the_shell(hint: str) -> str:
    """Return a hint with calls of a saver as commands.

    Examples
    --------
    >>> for_the_shell('saver.restore("my data.csv")')
    "jsk restore 'my data.csv'"
    >>> for_the_shell("saver.search()    # what is there")
    'jsk search    # what is there'
    """
    hint = hint.replace("saver.search(refresh=False)", "jsk search --no-refresh")
    return _CALL.sub(_command, hint)


def _command(call: re.Match[str]) -> str:
    verb, name, version = call.groups()
    words = [verb, *(word for word in (name, version and f"--version={version}") if word)]
    return " ".join(["jsk", *map(shlex.quote, words)])


def typed(*words: str, **options: str | None) -> str:
    """Return a command as it would be typed, with those options that have a value.

    Examples
    --------
    >>> typed("jsk", "get", "my data.csv", **{"--to": "-x.csv", "--version": None})
    "jsk get 'my data.csv' --to=-x.csv"
    """
    told = [f"{option}={shlex.quote(value)}" for option, value in options.items() if value is not None]
    return " ".join([*map(shlex.quote, words), *told])


def prepare() -> None:
    """Tell warnings in one line, and never fail over a character that the terminal does not have."""
    warnings.showwarning = _show_warning  # type: ignore[assignment]
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def _show_warning(message: Warning | str, category: type[Warning], *_: Any) -> None:
    if issubclass(category, DeprecationWarning | FutureWarning) and not os.environ.get(DEBUG):
        return
    note(f"{style('warning:', 'yellow')} {message}")
