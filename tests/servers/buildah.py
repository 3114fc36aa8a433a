"""buildah with images of its own, in a temporary folder that goes with the tests."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Self

from tests.servers.processes import find_program, temporary_folder
from tests.servers.s3 import ServerUnavailable

#: What is run, and the Debian package that brings it.
PROGRAMS = {"buildah": "buildah"}


class Buildah:
    """A storage for buildah; nothing runs in the background.

    Parameters
    ----------
    driver
        ``overlay``, or ``vfs``, which finds what a layer changed by comparing times and sizes.
    """

    def __init__(self, driver: str = "overlay") -> None:
        self._driver = driver

    def __enter__(self) -> Self:
        if find_program("buildah") is None:
            raise ServerUnavailable("buildah is not installed (Debian: buildah): make servers")
        if os.geteuid():
            raise ServerUnavailable("buildah's storage is only made by root")
        self.folder = temporary_folder("jsk-buildah-")
        places = {"graphroot": self.folder / "root", "runroot": self.folder / "run"}
        lines = [f"{key} = {json.dumps(str(value))}\n" for key, value in places.items()]
        (self.folder / "storage.conf").write_text(f'[storage]\ndriver = "{self._driver}"\n' + "".join(lines))
        try:
            self.call("images", "--quiet")
        except AssertionError as reason:
            self.__exit__()
            raise ServerUnavailable(f"buildah cannot run here: {reason}") from None
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["buildah", "rm", "--all"], env=self._variables(), capture_output=True, check=False)
        _unmount(self.folder)
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def environment(self) -> dict[str, str]:
        """What makes buildah use this storage."""
        return {"CONTAINERS_STORAGE_CONF": str(self.folder / "storage.conf"), "BUILDAH_ISOLATION": "chroot"}

    def call(self, *arguments: str) -> str:
        """Run buildah, and return what it prints."""
        done = subprocess.run(
            ["buildah", *arguments], env=self._variables(), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def _variables(self) -> dict[str, str]:
        return {**os.environ, **self.environment}


def _unmount(folder: Path) -> None:
    """Take away what buildah mounted below a folder, the innermost first."""
    places = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    for place in sorted((place for place in places if place.startswith(f"{folder}/")), reverse=True):
        subprocess.run(["umount", place], capture_output=True, check=False)
