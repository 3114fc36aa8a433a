"""The files of a small image with this Python and some of its packages, taken from this machine.

No registry is asked for a base: the interpreter, the libraries it is linked with and Git are copied.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

_LEFT_OUT = {"__pycache__", "test", "tests", "idlelib", "tkinter", "ensurepip", "site-packages", "lib2to3"}
_LIBRARY = re.compile(r"(?:=> )?(/\S+) \(0x")
_MINOR = "{}.{}".format(*sys.version_info[:2])
#: Where Python is in the image: readable for every user, which where it is here may not be.
_HOME = Path("/usr/local")


def write(tar: Path, packages: Iterable[str], folders: Iterable[Path] = ()) -> None:
    """Write them as a tar file.

    Parameters
    ----------
    tar
        Where to.
    packages
        Names of installed distributions; what they need comes along.
    folders
        Python packages that are put beside them.
    """
    library = _HOME / "lib" / f"python{_MINOR}"
    files = {_HOME / "bin" / f"python{_MINOR}": Path(sys.executable).resolve()}
    files |= {library / name: path for name, path in _below(Path(sysconfig.get_path("stdlib")))}
    for distribution in _closure(packages):
        for file in distribution.files or ():
            if ".." not in file.parts and file.suffix != ".pyc":
                files[library / "site-packages" / file] = Path(str(file.locate()))
    for folder in folders:
        files |= {library / "site-packages" / folder.name / name: path for name, path in _below(folder)}
    git = shutil.which("git")
    if git:
        files[Path("/usr/bin/git")] = Path(git).resolve()
    files |= _libraries(files.values())
    with tarfile.open(tar, "w") as made:
        made.addfile(_folder("tmp", 0o1777))
        made.addfile(_link(f"{_HOME}/bin/python3", f"python{_MINOR}"))
        for place, path in files.items():
            if path.is_file():
                made.add(path.resolve(), str(place), filter=_everybodys)


def _below(folder: Path) -> Iterator[tuple[Path, Path]]:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_file() and path.suffix != ".a" and not _LEFT_OUT & set(name.parts):
            yield name, path


def _closure(names: Iterable[str]) -> list[metadata.Distribution]:
    """Return distributions and all that they need of what is installed."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    found: dict[str, metadata.Distribution] = {}
    waiting = list(names)
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in found:
            continue
        found[name] = metadata.distribution(name)
        needed = map(Requirement, found[name].requires or ())
        waiting += [one.name for one in needed if one.marker is None or one.marker.evaluate({"extra": ""})]
    return list(found.values())


def _libraries(files: Iterable[Path]) -> dict[Path, Path]:
    """Return the libraries that programs and modules are linked with, the loader among them."""
    linked = [str(path) for path in files if path.parent.name == "bin" or ".so" in path.suffixes]
    said = subprocess.run(["ldd", *linked], capture_output=True, text=True, check=False).stdout
    found = {Path(place) for place in _LIBRARY.findall(said)}
    return {place: place for place in found if place.is_file() and "site-packages" not in place.parts}


def _folder(name: str, mode: int) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.mode = tarfile.DIRTYPE, mode
    return made


def _link(name: str, target: str) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = tarfile.SYMTYPE, target
    return made


def _everybodys(made: tarfile.TarInfo) -> tarfile.TarInfo:
    made.uid = made.gid = 0
    made.mode |= 0o444
    return made
