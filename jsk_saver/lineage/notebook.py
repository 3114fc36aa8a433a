"""Which notebook (or script), and which cell of it, is running."""

# No pathlib: this runs in every put, and it costs several times the call it wraps.
# ruff: noqa: PTH100, PTH113, PTH117, PTH118

from __future__ import annotations

import os
import re
import sys
import time
from typing import Any

#: Seconds between attempts to find a notebook that its front end has not named.
SEARCH_AGAIN = 60.0
_VSCODE_CELL = "vscode-notebook-cell:"
_CELL_ID = re.compile(r"[\w.-]{1,64}")  # nbformat's are [a-zA-Z0-9-_]{1,64}
# An installed program (pytest, jsk) is what ran the work, not where it is written.
_INSTALLED = tuple(f"{prefix}/{part}/" for prefix in {sys.prefix, sys.base_prefix} for part in ("bin", "lib"))
_searched: tuple[float, str | None] = (-SEARCH_AGAIN, None)


def path() -> str | None:
    """Return the absolute path of the running notebook or script, None at a bare prompt.

    In order: ``JSK_NOTEBOOK``; in a kernel, what VS Code says, what the Jupyter server said when it
    started the kernel, what running servers or the runner of a headless notebook say now; the script;
    the notebook whose kernel started this process.
    """
    said = os.environ.get("JSK_NOTEBOOK")
    if said:
        return os.path.abspath(said)
    shell = kernel_shell()
    if shell is not None:
        return _vscode(shell) or _session() or _search(shell) or _session(must_exist=False)
    return script() or _session()


def cell() -> str | None:
    """Return the id of the running cell, or ``In [n]`` where the front end keeps ids to itself."""
    shell = kernel_shell()
    if shell is None:
        return None
    request = running_request(shell)
    if request.get("header", {}).get("msg_type") != "execute_request":
        return None  # a button's or slider's callback runs in no cell
    cell_id = request.get("metadata", {}).get("cellId")
    # VS Code's ids are places in one editing session, which say nothing tomorrow.
    if isinstance(cell_id, str) and _CELL_ID.fullmatch(cell_id):
        return cell_id
    # IPython 9 counts on before a cell runs, earlier ones after; its own Out[n] is right in both.
    return f"In [{shell.displayhook.prompt_count}]"


def running_request(shell: Any) -> dict[str, Any]:
    """Return the message that the kernel is working on."""
    kernel = shell.kernel
    get_parent = getattr(kernel, "get_parent", None)
    found = get_parent("shell") if get_parent else getattr(kernel, "_parent_header", None)
    return found if isinstance(found, dict) else {}


def kernel_shell() -> Any:
    """Return the IPython shell of this kernel; None in scripts and terminals."""
    module = sys.modules.get("IPython")
    get_ipython = getattr(module, "get_ipython", None)
    shell = get_ipython() if get_ipython else None
    return shell if getattr(shell, "kernel", None) is not None else None


def _vscode(shell: Any) -> str | None:
    said = shell.user_ns.get("__vsc_ipynb_file__")
    if isinstance(said, str) and os.path.isabs(said):
        return said
    cell_id = running_request(shell).get("metadata", {}).get("cellId")
    if isinstance(cell_id, str) and cell_id.startswith(_VSCODE_CELL):
        from urllib.parse import unquote

        place = unquote(cell_id[len(_VSCODE_CELL) :].partition("#")[0])
        place = re.sub(r"^//[^/]*", "", place)  # vscode-notebook-cell://ssh-remote+host/home/...
        return place if place.endswith(".ipynb") and os.path.isabs(place) else None
    return None


def _session(*, must_exist: bool = True) -> str | None:
    """Return what the Jupyter server (2 and later) told the kernel it started.

    A notebook that was renamed since is no longer there, and other sources know better. Consoles and
    terminals have a name too, which is no file.
    """
    said = os.environ.get("JPY_SESSION_NAME", "")
    if not said or said.endswith("/"):
        return None
    folder, name = os.path.split(said)
    name = name.rpartition(":")[2]  # "RTC:plan.ipynb": shared editing puts its drive before the name
    found = os.path.abspath(os.path.join(folder.removeprefix("RTC:"), name))
    if os.path.isfile(found):
        return found
    return found if not must_exist and name.endswith(".ipynb") else None


def _search(shell: Any) -> str | None:
    """Ask around, at most once a minute until found."""
    global _searched
    when, found = _searched
    if found is not None and os.path.isfile(found):
        return found
    now = time.monotonic()
    if now - when >= SEARCH_AGAIN:
        from jsk_saver.lineage import sessions

        _searched = (now, sessions.find(running_request(shell), _kernel_id(shell)))
    return _searched[1]


def _kernel_id(shell: Any) -> tuple[str, str]:
    """Return the folder of the kernel's connection file, and the id that Jupyter servers know it by."""
    connection_file = shell.kernel.config.get("IPKernelApp", {}).get("connection_file", "")
    folder, name = os.path.split(str(connection_file))
    return folder, name.removeprefix("kernel-").removesuffix(".json")


def script() -> str | None:
    """Return the absolute path of the script that this process runs; None in a kernel or at a prompt."""
    place = getattr(sys.modules.get("__main__"), "__file__", None)
    if not isinstance(place, str):
        return None
    if place.startswith("<"):  # <stdin>: typed or piped in, and nowhere to be found again
        return None
    place = os.path.abspath(place)
    return None if place.startswith(_INSTALLED) else place
