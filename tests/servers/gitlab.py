"""GitLab's pipelines, run on this machine by gitlab-ci-local, against bare Git remotes.

It reads includes, inputs, rules, needs, artifacts, dotenv reports and child pipelines as GitLab does; jobs
run in this machine's shell. Installed for this user alone, with the version that is pinned in
``npm-packages.txt``: ``make servers`` does it, or ``python -m tests.servers.gitlab``.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.servers.processes import find_program
from tests.servers.s3 import ServerUnavailable

#: What is run, and the Debian package that brings it.
PROGRAMS = {"node": "nodejs", "npm": "npm", "rsync": "rsync", "git": "git"}
_LIST = Path(__file__).with_name("npm-packages.txt")
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
#: What a job's line says when it has ended.
#: Each job in a copy of its own, with nothing in it but what is committed and what other jobs hand on.
_OPTIONS = ("--force-shell-executor", "--shell-isolation", "--no-artifacts-to-source", "--no-color")
_FAILED = re.compile(r"^ FAIL  (?:\[[^\]]*\] -> )?(\S.*?)\s*$", re.MULTILINE)
_STARTED = re.compile(r"^\s*(?:\[[^\]]*\] -> )?(\S.*?)\s+starting shell", re.MULTILINE)


@dataclass(frozen=True)
class Ran:
    """A pipeline that has ended.

    Parameters
    ----------
    output
        All that was printed, without colours.
    seconds
        How long it took.
    """

    output: str
    seconds: float

    @property
    def started(self) -> list[str]:
        """The jobs that were started, also those of child pipelines, in their order."""
        return list(dict.fromkeys(_STARTED.findall(self.output)))

    @property
    def failed(self) -> list[str]:
        """The jobs that failed, also those of child pipelines."""
        return list(dict.fromkeys(_FAILED.findall(self.output)))


def find() -> str:
    """Return where gitlab-ci-local is; it is installed if it is not.

    Raises
    ------
    ServerUnavailable
        If it, or what it needs, cannot be had; says why.
    """
    for program, package in PROGRAMS.items():
        if find_program(program) is None:
            raise ServerUnavailable(f"{program} is not installed (Debian: {package}): make servers")
    (package,) = [line for line in _LIST.read_text().splitlines() if line and not line.startswith("#")]
    # Not ~, which is a temporary folder during tests.
    home = Path(pwd.getpwuid(os.geteuid()).pw_dir)
    folder = home / ".cache" / "jsk-tests" / package.replace("@", "-")
    program = folder / "node_modules" / ".bin" / "gitlab-ci-local"
    if not program.exists():
        _install(package, folder, home)
    return str(program)


def _install(package: str, folder: Path, home: Path) -> None:
    """Install beside, then move: half of an installation is never taken for a whole one."""
    part = folder.with_name(f"{folder.name}.{os.getpid()}")
    part.mkdir(parents=True)
    (part / "package.json").write_text("{}")
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", package]
    try:
        done = subprocess.run(
            command,
            cwd=part,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "HOME": str(home)},
        )
        if done.returncode:
            raise ServerUnavailable(f"npm could not install {package}: {done.stderr.strip()[-400:]}")
        if not folder.exists():
            part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


class GitLab:
    """Runs pipelines in clones of bare remotes.

    Unlike GitLab it goes on after a child pipeline that failed, and a child knows of the variables only
    that are in a project's file: so all are written there.

    Parameters
    ----------
    path
        Folders with programs that jobs find first.
    """

    HOST = "gitlab.example.org"

    def __init__(self, path: Sequence[Path] = ()) -> None:
        self.program, self.path = find(), tuple(path)

    def adopt(self, clone: Path, project: str) -> None:
        """Let a clone be one of a project (``group/name``) here, whatever its remote is."""
        _git(clone, "remote", "add", "gcl-origin", f"https://{self.HOST}/{project}.git")
        with (clone / ".git" / "info" / "exclude").open("a") as ignored:
            ignored.write(".gitlab-ci-local*\n")

    def publish(self, clone: Path, project: str, version: str, templates: Sequence[Path]) -> None:
        """Let a clone find a project's templates, as if they had been fetched from there."""
        folder = clone / ".gitlab-ci-local" / "includes" / self.HOST / project / version / "templates"
        folder.mkdir(parents=True)
        for file in templates:
            shutil.copy(file, folder)

    def run(self, clone: Path, variables: Mapping[str, str], *options: str, **more: str) -> Ran:
        """Run the pipeline of what is checked out in a clone, as a push of it would.

        Further words are variables of the jobs' environment, which GitLab does not know of.
        """
        lines = [f"{name}: {json.dumps(value)}\n" for name, value in variables.items()]
        (clone / ".gitlab-ci-local-variables.yml").write_text("".join(lines))
        command = [self.program, *_OPTIONS, *options]
        began = time.monotonic()
        done = subprocess.run(
            command, cwd=clone, env={**self._environment(), **more}, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        ran = Ran(_COLOURS.sub("", done.stdout), time.monotonic() - began)
        assert ran.failed or done.returncode == 0, ran.output
        return ran

    def preview(self, clone: Path, file: str = ".gitlab-ci.yml") -> str:
        """Return what it makes of a pipeline's file, as YAML."""
        done = subprocess.run(
            [self.program, "--preview", f"--file={file}"],
            cwd=clone, env=self._environment(), capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def _environment(self) -> dict[str, str]:
        path = os.pathsep.join([*map(str, self.path), os.environ.get("PATH", "")])
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("CI_", "GITLAB_"))}
        return {**kept, "PATH": path, "NO_COLOR": "1"}


def _git(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-C", folder, *words], check=True, capture_output=True)


if __name__ == "__main__":
    try:
        find()
    except ServerUnavailable as reason:
        print(f"gitlab-ci-local is not there: {reason}", file=sys.stderr)
        print("  What needs it is skipped, and named at the end of the tests.", file=sys.stderr)
