"""Finding a notebook that nobody named: through Jupyter servers, or the program that runs it headless.

Needed for kernels of old servers, for notebooks renamed while they run, and for nbconvert, nbclient and
papermill, which tell the kernel nothing. Runs in a notebook kernel only, where jupyter_client, and with
it psutil, are installed.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

#: Seconds in which all servers together must have answered.
TIMEOUT = 0.8
_MOST_SERVERS = 5
_MOST_NOTEBOOKS = 50
_MOST_BYTES = 20_000_000


def find(request: dict[str, Any], kernel: tuple[str, str]) -> str | None:
    """Return the path of the notebook whose kernel (runtime folder, id) runs ``request``, or None."""
    folder, kernel_id = kernel
    return _from_servers(Path(folder), kernel_id) or _from_runner(request)


# Servers -------------------------------------------------------------------------------------------


def _from_servers(runtime: Path, kernel_id: str) -> str | None:
    files = [*runtime.glob("jpserver-*.json"), *runtime.glob("nbserver-*.json")] if kernel_id else []
    deadline = time.monotonic() + TIMEOUT
    for info in files[:_MOST_SERVERS]:
        left = deadline - time.monotonic()
        if left <= 0:
            break
        try:
            server = json.loads(info.read_text(encoding="utf-8"))
            sessions = _sessions(server, left)
        except (OSError, ValueError, KeyError):
            continue  # gone, or not ours to ask
        ours = [session for session in sessions if session.get("kernel", {}).get("id") == kernel_id]
        if ours:  # a console may share the notebook's kernel
            notebook = next((session for session in ours if session.get("type") == "notebook"), ours[0])
            path = notebook.get("path") or notebook.get("notebook", {}).get("path")
            return _on_disk(server, path) if path else None
    return None


def _sessions(server: dict[str, Any], timeout: float) -> list[dict[str, Any]]:
    from urllib.request import ProxyHandler, Request, build_opener

    # Never through a proxy: the token is for a server on this machine.
    opener = build_opener(ProxyHandler({}))
    token = server.get("token") or os.environ.get("JUPYTERHUB_API_TOKEN", "")
    request = Request(f"{server['url']}api/sessions", headers={"Authorization": f"token {token}"})  # noqa: S310
    with opener.open(request, timeout=timeout) as answer:
        sessions = json.load(answer)
    return [session for session in sessions if isinstance(session, dict)]


def _on_disk(server: dict[str, Any], path: str) -> str:
    drive, _, rest = path.rpartition(":")
    root = server.get("root_dir") or server.get("notebook_dir") or ""
    return str(Path(root, rest if drive in ("RTC", "") else path))


# Headless ------------------------------------------------------------------------------------------


def _from_runner(request: dict[str, Any]) -> str | None:
    """Return the notebook that holds the running cell, among those the runner may have been given.

    Named on the runner's command line, in order (papermill names its input first); else alone in the
    working folder. A notebook that does not hold exactly this cell is never taken.
    """
    code = request.get("content", {}).get("code")
    if not isinstance(code, str) or not code.strip():
        return None
    named = next((path for path in _on_command_line() if _holds(path, code)), None)
    if named is not None:
        return str(named)
    nearby = [path for path in _in_working_folder() if _holds(path, code)]
    return str(nearby[0]) if len(nearby) == 1 else None


def _on_command_line() -> Iterator[Path]:
    import psutil  # type: ignore[import-untyped]

    try:
        runner = psutil.Process(int(os.environ.get("JPY_PARENT_PID", "") or os.getppid()))
        words, folder = runner.cmdline(), runner.cwd()
    except (psutil.Error, ValueError, OSError):
        return
    for word in words:
        if word.endswith(".ipynb"):
            yield Path(folder, word)


def _in_working_folder() -> list[Path]:
    left, taken = _MOST_BYTES, []
    for path in sorted(Path.cwd().glob("*.ipynb"))[:_MOST_NOTEBOOKS]:
        left -= path.stat().st_size
        if left < 0:
            break
        taken.append(path)
    return taken


def _holds(path: Path, code: str) -> bool:
    try:
        if path.stat().st_size > _MOST_BYTES:
            return False
        notebook = json.loads(path.read_text(encoding="utf-8"))
        cells = notebook["cells"]
        return any(cell["cell_type"] == "code" and "".join(cell["source"]) == code for cell in cells)
    except (OSError, ValueError, KeyError, TypeError):
        return False
