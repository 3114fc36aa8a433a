"""The one layer of an experiment, made inside its last stage: what left is removed, what changed is copied.

Runs in the image, with the standard library alone; ``layer.py`` of the stage before wrote what it reads.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path


def main(source: Path, root: Path) -> None:
    """Bring ``root`` to what ``source`` says, and give every folder that this touches the layer's time."""
    told = json.loads((source / "changes.json").read_text(encoding="utf-8"))
    touched = {remove(root / name) for name in told["removed"]}
    files = source / "files"
    for folder, names, members in os.walk(files):
        names.sort()
        target = root / Path(folder).relative_to(files)
        if not target.is_dir():
            target.mkdir()
            shutil.copystat(folder, target)
            _own(Path(folder), target)
            touched |= {target, target.parent}
        links = [name for name in names if Path(folder, name).is_symlink()]
        for name in sorted([*members, *links]):
            copy(Path(folder) / name, target / name)
            touched.add(target)
    for path in sorted(touched, reverse=True):
        if path.is_dir():
            os.utime(path, (told["time"], told["time"]))


def remove(path: Path) -> Path:
    """Remove a file or a folder, and return the folder it was in."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    return path.parent


def copy(source: Path, target: Path) -> None:
    """Put a file or link in the place of whatever is there, with its owner, mode and time."""
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    target.unlink(missing_ok=True)
    shutil.copy2(source, target, follow_symlinks=False)
    _own(source, target)


def _own(source: Path, target: Path) -> None:
    """Give ``target`` the owner of ``source``; before the time, which this does not change."""
    status = source.lstat()
    os.chown(target, status.st_uid, status.st_gid, follow_symlinks=False)


if __name__ == "__main__":
    main(Path(__file__).resolve().parent, Path("/"))
