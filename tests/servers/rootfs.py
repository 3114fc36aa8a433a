"""A Debian root file system with Python, made on the spot: stands in for the public image of a base."""

from __future__ import annotations

import os
import pwd
import subprocess
from pathlib import Path

from tests.servers.processes import find_program
from tests.servers.s3 import ServerUnavailable

#: What is run, and the Debian package that brings it.
PROGRAMS = {"mmdebstrap": "mmdebstrap"}
_SUITE = "bookworm"
_PACKAGES = ("ca-certificates", "git", "python3", "python3-pip")


def make() -> Path:
    """Return a tar of the file system, made once for this user and kept in the user's cache.

    Raises
    ------
    ServerUnavailable
        If it cannot be made here; says why.
    """
    # Not ~, which is a temporary folder during tests.
    cache = Path(pwd.getpwuid(os.geteuid()).pw_dir, ".cache", "jsk-tests")
    tar = cache / f"{'-'.join([_SUITE, *_PACKAGES])}.tar"
    if tar.exists():
        return tar
    program = find_program("mmdebstrap")
    if program is None:
        raise ServerUnavailable("mmdebstrap is not installed (Debian: mmdebstrap): make servers")
    cache.mkdir(parents=True, exist_ok=True)
    part = cache / f"{os.getpid()}.tar"
    command = [program, "--quiet", "--variant=minbase", f"--include={','.join(_PACKAGES)}", _SUITE, str(part)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ServerUnavailable(f"no Debian root file system: {done.stderr.strip()[-500:]}")
        part.rename(tar)
    finally:
        part.unlink(missing_ok=True)
    return tar
