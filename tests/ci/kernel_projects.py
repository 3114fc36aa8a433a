"""A project in a Git repository, and a kernel with an environment of its own, for ``%kernel``."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import sysconfig
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from traitlets.config import Config

from tests.ci import locked
from tests.ci.package_index import PackageIndex

KERNEL = "of-the-project"
_KERNEL = 'base = "registry.example.org/kernels/base:1"\npython = "3.11"'


class KernelProject:
    """A project, its repository, and the environment its notebooks run in.

    Parameters
    ----------
    folder
        An empty one.
    index
        Where its packages come from.
    """

    def __init__(self, folder: Path, index: PackageIndex) -> None:
        self.top, self.folder, self.index = folder, folder / "churn", index
        (self.folder / "notebooks").mkdir(parents=True)
        self.pyproject, self.lock = self.folder / "pyproject.toml", self.folder / "poetry.lock"
        self.pyproject.write_text(locked.pyproject(index.url, kernel=_KERNEL))
        self.python = folder / "env" / "bin" / "python"
        _make_environment(folder / "env")
        _write_kernelspec(folder / "jupyter" / "kernels" / KERNEL, self.python)
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("config", "user.name", "Ada")
        self.git("config", "user.email", "ada@example.org")

    def git(self, *arguments: str) -> str:
        """Run Git in the project and return what it printed."""
        done = subprocess.run(
            ["git", "-C", str(self.folder), *arguments], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def commit(self) -> None:
        """Commit all that is there."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "state", "--allow-empty")

    def poetry_lock(self) -> None:
        """Write the lock with the real Poetry."""
        poetry = Path(sys.executable).with_name("poetry")
        subprocess.run([poetry, "lock", "--quiet"], cwd=self.folder, check=True)

    def files(self) -> tuple[bytes | None, bytes | None]:
        """Return both files as they are."""
        return tuple(file.read_bytes() if file.exists() else None for file in (self.pyproject, self.lock))  # type: ignore[return-value]

    def litter(self) -> list[str]:
        """Return what lies beside the project and does not belong there."""
        return sorted(path.name for path in self.top.iterdir() if path.name.startswith(".churn"))

    def installed(self) -> dict[str, str]:
        """Return what the environment has of its own."""
        (packages,) = self.python.parent.parent.glob("lib/python*/site-packages")
        names = (path.name.removesuffix(".dist-info") for path in packages.glob("*.dist-info"))
        return dict(name.split("-", 1) for name in names)

    def client(self, *cells: str, errors: bool = False) -> NotebookClient:
        """Return what runs cells in a real kernel in the folder ``notebooks``."""
        sources = ["%load_ext jsk_saver", *cells]
        sockets = Config({"KernelManager": {"transport": "ipc", "ip": str(self.top / "k")}})
        made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
        return NotebookClient(
            made,
            kernel_name=KERNEL,
            allow_errors=errors,
            timeout=120,
            resources={"metadata": {"path": str(self.folder / "notebooks")}},
            config=sockets,
        )

    def run(self, *cells: str, errors: bool = False) -> list[str]:
        """Run cells and return the text that each shows."""
        done = self.client(*cells, errors=errors).execute()
        return [_text(cell.outputs) for cell in done.cells[1:]]


def _text(outputs: list[Any]) -> str:
    parts = []
    for output in outputs:
        if output.output_type == "stream":
            parts.append(output.text)
        elif output.output_type == "error":
            parts.append("\n".join(output.traceback))
        else:
            parts.append(output.data.get("text/plain", ""))
    return "\n".join(parts)


def _make_environment(folder: Path) -> None:
    """Make a virtual environment that also sees what the tests run with, ipykernel and pip among it."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "tests.pth").write_text(sysconfig.get_path("purelib") + "\n")


def _write_kernelspec(folder: Path, python: Path) -> None:
    folder.mkdir(parents=True)
    argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (folder / "kernel.json").write_text(
        json.dumps({"argv": argv, "display_name": KERNEL, "language": "python"})
    )


def set_up(monkeypatch: Any, top: Path, index: PackageIndex) -> None:
    """Let kernels, Poetry and pip of a test see nothing of the machine's user, and only this index."""
    root = Path(__file__).parents[2]
    told = {
        "JUPYTER_PATH": top / "jupyter",
        "JUPYTER_RUNTIME_DIR": top / "runtime",
        "IPYTHONDIR": top / "ipython",
        "POETRY_CACHE_DIR": top / "poetry-cache",
        "POETRY_CONFIG_DIR": top / "poetry-config",
        "PIP_INDEX_URL": index.url,
        "PIP_CONFIG_FILE": os.devnull,
        "UV_INDEX_URL": index.url,
        "PYTHONPATH": os.pathsep.join([str(root), str(root / "ci")]),
        "PATH": os.pathsep.join([str(_only_poetry(top)), "/usr/bin", "/bin"]),
        "HOME": top,
    }
    for name, value in told.items():
        monkeypatch.setenv(name, str(value))
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "VIRTUAL_ENV"):
        monkeypatch.delenv(name, raising=False)


def _only_poetry(top: Path) -> Path:
    """Return a folder with Poetry and no other program: the one it is in has the tests' own pip, too."""
    folder = top / "programs"
    folder.mkdir()
    (folder / "poetry").symlink_to(Path(sys.executable).with_name("poetry"))
    return folder


def wait_for(condition: Any, what: str, seconds: float = 60.0) -> None:
    """Wait until a condition holds."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"{what} did not happen"
        time.sleep(0.05)


def start(project: KernelProject, code: str, *arguments: Any) -> subprocess.Popen[bytes]:
    """Start Python code in the environment of a project, in a process group of its own."""
    return subprocess.Popen(
        [project.python, "-c", code, *map(str, arguments)],
        cwd=project.folder / "notebooks",
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End what a killed process left in its group."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
