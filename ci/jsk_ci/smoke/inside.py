"""What runs in the container: a real kernel, a notebook in it, and what Studio asks of an image.

Copied into the container as it is, and run by the image's own Python with what the image holds; it prints
one JSON line for each check. Nothing here may import the rest of this package: the image need not have it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

#: What makes a line a check's, among whatever else is printed.
MARK = "jsk-smoke: "
#: Seconds for a kernel to start, and for a cell to end.
_KERNEL, _CELL = 120, 300
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")

_IMPORTS = "import importlib, json, time\nstarted = time.perf_counter()\n"
_SAVE = """\
from jsk_saver import saver

saved = saver.put("smoke/object.json", {"answer": 42}, metadata={"purpose": "smoke test"})
back = saver.get("smoke/object.json")
assert back == {"answer": 42}, back
print(json.dumps(dict(saved.lineage)))
"""


def main(asked: dict[str, Any]) -> int:
    """Make every check, say how each went, and return how many failed."""
    failed = 0
    for name, check in CHECKS.items():
        begun = time.perf_counter()
        try:
            ok, told = True, check(asked)
        except Exception as error:  # every check is told, whatever became of the others
            ok, told = False, _words(error)
            failed += 1
        _say({"check": name, "ok": ok, "told": told, "seconds": round(time.perf_counter() - begun, 3)})
    return failed


def user_and_home(asked: dict[str, Any]) -> str:
    """Look for Studio's user, its home mounted and writable, and nothing of the environment in it."""
    home = Path.home()
    _expect(os.getuid() == 1000, f"it runs as user {os.getuid()}, not 1000")
    _expect(os.getgid() == 100, f"it runs as group {os.getgid()}, not 100")
    _expect(str(home) == asked["home"], f"its home is {home}, not {asked['home']}")
    probe = home / ".jsk-smoke"
    probe.write_text("written")
    probe.unlink()
    inside = [path for path in (sys.prefix, sys.executable) if Path(path).is_relative_to(home)]
    _expect(not inside, f"{inside} is under the home, which Studio mounts over")
    return f"1000:100, {home} writable, environment in {sys.prefix}"


def package_list(asked: dict[str, Any]) -> str:  # noqa: ARG001 - as every check
    """Compare what the image says is installed with what is."""
    file = Path(os.environ.get("JSK_KERNEL_PACKAGES", ""))
    listed = set(file.read_text().split())
    found = {f"{_normal(name)}=={version}" for name, version, _ in _installed()}
    _expect(
        listed == found,
        f"{file} lists {sorted(listed - found)[:5]} that are not installed, "
        f"and not {sorted(found - listed)[:5]} that are",
    )
    return f"{len(found)} packages, as {file} says"


def requirements(asked: dict[str, Any]) -> str:
    """Ask every installed package for what it requires; as ``pip check`` does."""
    from packaging.requirements import Requirement

    installed = {_normal(name): version for name, version, _ in _installed()}
    broken = []
    for name, version, required in _installed():
        for text in required:
            requirement = Requirement(text)
            if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
                continue
            found = installed.get(_normal(requirement.name))
            if found is None or not requirement.specifier.contains(found, prereleases=True):
                broken.append(f"{name} {version} requires {requirement}, there is {found or 'none'}")
    unexpected = [line for line in broken if line.split()[0] not in asked["conflicts"]]
    _expect(not unexpected, "; ".join(unexpected[:8]))
    return "as pip check" + (f"; allowed: {len(broken)}" if broken else "")


def git(asked: dict[str, Any]) -> str:  # noqa: ARG001 - as every check
    """Ask git for the commit of a repository of the user's own, as saving an object does."""
    with tempfile.TemporaryDirectory(dir=Path.home()) as folder:
        try:
            _git(folder, "init", "--quiet")
            _git(
                folder, "-c", "user.name=n", "-c", "user.email=e", "commit", "--quiet", "--allow-empty", "-mx"
            )
            _expect(len(_git(folder, "rev-parse", "HEAD")) == 40, "it does not tell the commit")
        except FileNotFoundError:
            raise RuntimeError(f"there is no git on {os.environ.get('PATH')}") from None
    return _git("/", "--version")


def _git(folder: str, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", folder, *arguments], capture_output=True, text=True, check=False)
    _expect(done.returncode == 0, done.stderr.strip())
    return done.stdout.strip()


def kernelspec(asked: dict[str, Any]) -> str:
    """Find the kernelspec that the AppImageConfig names, and the Python that it starts."""
    from jupyter_client.kernelspec import KernelSpecManager

    spec = KernelSpecManager().get_kernel_spec(asked["name"])
    _expect(os.access(spec.argv[0], os.X_OK), f"the kernelspec starts {spec.argv[0]}, which is not there")
    _expect(spec.display_name == asked["display_name"], f"it is called {spec.display_name!r}")
    return f"{asked['name']} in {spec.resource_dir}"


def notebook(asked: dict[str, Any]) -> str:
    """Run a notebook: imports, an object saved and read, the image told in its lineage."""
    from nbclient import NotebookClient
    from nbformat.v4 import new_code_cell, new_notebook

    sources = [_IMPORTS + _import_lines(asked["imports"]), "1 + 1", _SAVE]
    cells = [new_code_cell(source) for source in sources]  # type: ignore[no-untyped-call]
    book = new_notebook(cells=cells)  # type: ignore[no-untyped-call]
    client = NotebookClient(
        book, timeout=_CELL, startup_timeout=_KERNEL, kernel_name=asked["name"], resources={}
    )
    begun = time.perf_counter()
    with client.setup_kernel():
        client.execute_cell(book.cells[1], 1)
        ready, moment = time.perf_counter() - begun, time.time()
        client.execute_cell(book.cells[0], 0)
        client.execute_cell(book.cells[2], 2)
    imports = float(_printed(book.cells[0]))
    lineage = json.loads(_printed(book.cells[2]).splitlines()[-1])
    told, label = lineage.get("fingerprint"), asked["fingerprint"]
    _expect(told == label, f"a saved object names the fingerprint {told}, and the image's label {label}")
    _say({"timing": {"first cell": round(ready, 3), "imports": round(imports, 3)}, "moment": moment})
    return (
        f"first cell after {ready:.1f} s, imports took {imports:.1f} s; saved, read, fingerprint in lineage"
    )


#: In the order in which they are made: the notebook first, because what it takes is counted from the
#: container's start.
CHECKS: dict[str, Callable[[dict[str, Any]], str]] = {
    "notebook in a real kernel": notebook,
    "user and home": user_and_home,
    "package list": package_list,
    "requirements fit each other": requirements,
    "git answers": git,
    "kernelspec": kernelspec,
}


def _import_lines(names: list[str]) -> str:
    lines = [f"importlib.import_module({name!r})" for name in names]
    return "\n".join([*lines, "print(time.perf_counter() - started)"])


def _printed(cell: Any) -> str:
    return "".join(output["text"] for output in cell["outputs"] if output.get("name") == "stdout").strip()


def _installed() -> Iterator[tuple[str, str, list[str]]]:
    from importlib.metadata import distributions

    for found in distributions(path=[path for path in sys.path if path.endswith("site-packages")]):
        yield found.metadata["Name"], found.version, list(found.requires or ())


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise RuntimeError(otherwise)


def _words(error: Exception) -> str:
    """Return what an error says, of a cell's long traceback its end, without colours."""
    text = _COLOURS.sub("", str(error).strip() or traceback.format_exc().strip())
    return "\n".join([line for line in text.splitlines() if line.strip()][-4:])[-1500:]


def _say(told: dict[str, Any]) -> None:
    sys.stdout.write(MARK + json.dumps(told) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(min(main(json.loads(sys.argv[1])), 99))
