"""A project in a real Git repository, whose programs track trials in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsk_saver
from jsk_saver import Saver
from jsk_saver.tracking import Experiment, state
from jsk_saver.tracking.state import TrialState

SCRIPT = """
import random
from helper import factor
from jsk_saver import Saver
from jsk_saver.tracking import Experiment
saver = Saver()
experiment = Experiment("demo", saver=saver)
for k in (1, 2):
    with experiment.trial(k=k, seed=3) as trial:
        rows = saver.get("raw.json")
        for step in range(3):
            trial.log_metric("score", sum(rows) * factor * k + random.random())
        trial.put("out.json", {"rows": rows, "k": k})
"""


class Project:
    """A repository, and a home of the kit beside it."""

    def __init__(self, folder: Path) -> None:
        self.root, self.home = folder / "project", folder / "kit"
        self.root.mkdir()
        self.git("init", "-q", "-b", "main")
        self.saver = Saver(home=self.home)
        self.store = ""

    def git(self, *arguments: str) -> str:
        known = ("-c", "user.name=Ana", "-c", "user.email=ana@example.org")
        done = subprocess.run(
            ["git", *known, *arguments], cwd=self.root, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def commit(self) -> str:
        self.git("add", "-A")
        self.git("commit", "-qm", "as it is")
        return self.git("rev-parse", "HEAD")

    def environment(self) -> dict[str, str]:
        source = str(Path(jsk_saver.__file__).parents[1])
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("JSK_", "JPY_"))}
        server = {name: os.environ[name] for name in ("JSK_ENDPOINT_URL",) if name in os.environ}
        store = {"JSK_STORE": self.store} if self.store else {}
        return {**kept, "PYTHONPATH": source, "JSK_HOME": str(self.home), **store, **server}

    def run(self, *arguments: str, **variables: str) -> str:
        """Run a program of the project, as a user would."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.root,
            env={**self.environment(), **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def jsk(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command."""
        return subprocess.run(
            [sys.executable, "-m", "jsk_saver.cli", *arguments],
            cwd=self.root,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def experiment(self) -> Experiment:
        return Experiment("demo", saver=self.saver)

    def trial(self, **params: Any) -> str:
        """Return the name of the first trial with these parameters."""
        return next(
            known.name for known in self.experiment.trials() if params.items() <= known.params.items()
        )

    def made_so_far(self) -> list[TrialState]:
        """Return the trials that a reproduction which is under way has completed."""
        made = (self.home / "reproduce" / "runs").glob("*/journal/demo/*/")
        states = [state.read(folder) for folder in made if not folder.is_symlink() and folder.name[0] != "."]
        return [known for known in states if known.status == "completed"]

    def leftovers(self) -> list[str]:
        """Return what a reproduction has left behind, in the home and in the repository."""
        runs = self.home / "reproduce" / "runs"
        worktrees = self.git("worktree", "list", "--porcelain").count("worktree ") - 1
        return [*(os.listdir(runs) if runs.exists() else ()), *["worktree"] * worktrees]
