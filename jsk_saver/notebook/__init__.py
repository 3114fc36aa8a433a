"""Comfort in notebooks and IPython: ``%load_ext jsk_saver.notebook`` completes file names.

After it, the tab key inside ``saver.get("`` (or ``history``, ``describe``, …) offers the file names that
the saver's index on this machine knows; nothing is asked of the store while somebody types.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from jsk_saver.saver import Saver

#: Lists the file names of a saver that start with some text.
Names = Callable[[Saver, str], Iterable[str]]

_MOST = 200
_VERBS = "get|put|history|describe|lineage|diff|delete|restore|purge|copy|verify"
# A call whose first argument is a string that is still open.
_CALL = re.compile(rf"""([\w.]+)\.(?:{_VERBS})\(\s*(?:filename\s*=\s*)?(?:"([^"\\]*)|'([^'\\]*))$""")


def load_ipython_extension(ipython: Any) -> None:
    """Switch completion on; called by ``%load_ext jsk_saver.notebook``."""
    complete_names(ipython, names_in_index)


def unload_ipython_extension(ipython: Any) -> None:
    """Switch completion off; called by ``%unload_ext jsk_saver.notebook``."""
    matchers = ipython.Completer.custom_matchers
    matchers[:] = [matcher for matcher in matchers if not getattr(matcher, "completes_jsk_names", False)]


def complete_names(ipython: Any, names: Names) -> None:
    """Complete file names in the calls of any saver, with what ``names`` lists.

    Parameters
    ----------
    ipython
        The running shell.
    names
        Takes the saver and what was typed so far, and returns the file names that start so.
    """
    from IPython.core.completer import SimpleCompletion, context_matcher

    @context_matcher()  # type: ignore[untyped-decorator]
    def file_names(context: Any) -> dict[str, Any]:
        typed, found = _matches(context.text_until_cursor, ipython.user_ns, names)
        completions = [SimpleCompletion(text=name, type="file name") for name in found]
        # Where a file name belongs, files of the working folder and variables only distract.
        return {
            "completions": completions,
            "matched_fragment": typed,
            "ordered": True,
            "suppress": bool(found),
        }

    unload_ipython_extension(ipython)
    file_names.completes_jsk_names = True
    ipython.Completer.custom_matchers.append(file_names)


def names_in_index(saver: Saver, start: str) -> list[str]:
    """Return file names that start with ``start``, as the index on this machine knows them."""
    return saver.connection.index.names(start, hidden=False)[:_MOST]


def _matches(text: str, variables: Mapping[str, Any], names: Names) -> tuple[str, list[str]]:
    call = _CALL.search(text)
    saver = _resolve(call[1], variables) if call else None
    if call is None or saver is None:
        return "", []
    typed = call[2] if call[2] is not None else call[3]
    try:
        return typed, list(names(saver, typed))[:_MOST]
    except Exception:  # a completion that fails must not get between a person and the keyboard
        return typed, []


def _resolve(path: str, variables: Mapping[str, Any]) -> Saver | None:
    """Return the saver that ``path`` names, without running anything."""
    first, *rest = path.split(".")
    found = variables.get(first)
    for name in rest:
        found = getattr(found, "__dict__", {}).get(name)
    return found if isinstance(found, Saver) else None
