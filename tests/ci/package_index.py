"""A package index on loopback (PEP 503), with wheels that are made on the spot."""

from __future__ import annotations

import base64
import hashlib
import shutil
import zipfile
from collections.abc import Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.servers.threaded import Threaded


class PackageIndex(Threaded):
    """Serves the wheels of a folder.

    Parameters
    ----------
    folder
        Where wheels are put.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "simple").mkdir(parents=True)
        super().__init__(ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(folder))))
        self.url = f"{self.endpoint}/simple/"

    def add(self, name: str, version: str, requires: Sequence[str] = (), code: str = "") -> Path:
        """Publish a pure-Python package with one module that says its version."""
        page = self.folder / "simple" / name
        page.mkdir(exist_ok=True)
        wheel = make_wheel(page, name, version, requires, code)
        self._list(page)
        return wheel

    def take(self, wheel: Path) -> None:
        """Publish a wheel from elsewhere, which is moved here."""
        page = (
            self.folder / "simple" / wheel.name.partition("-")[0].replace("_", "-").replace(".", "-").lower()
        )
        page.mkdir(exist_ok=True)
        shutil.move(wheel, page)
        self._list(page)

    def _list(self, page: Path) -> None:
        files = sorted(page.glob("*.whl"))
        links = "".join(f'<a href="{file.name}#sha256={_sha256(file)}">{file.name}</a><br>' for file in files)
        (page / "index.html").write_text(f"<!DOCTYPE html><html><body>{links}</body></html>")


def make_wheel(folder: Path, name: str, version: str, requires: Sequence[str] = (), code: str = "") -> Path:
    """Write a wheel and return it."""
    module = name.replace("-", "_")
    asked = "".join(f"Requires-Dist: {line}\n" for line in requires)
    info = f"{module}-{version}.dist-info"
    files = {
        f"{module}.py": f'__version__ = "{version}"\n{code}',
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{asked}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},sha256={_digest(text)},{len(text.encode())}\n" for path, text in files.items())
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n"
    wheel = folder / f"{module}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(zipfile.ZipInfo(path), text)
    return wheel


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


class _Handler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Stay quiet."""
