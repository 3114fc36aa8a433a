"""``jsk-ci install``: what a lock has, into the Python that runs this."""

from __future__ import annotations

import sys
from pathlib import Path

from jsk_ci.cli.options import AsJson, DryRun, Folder, show
from jsk_saver import terminal


def install(folder: Folder = Path(), dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Install what the lock in FOLDER has and this Python has not: by hash, from where pip takes packages.

    What %kernel install does in a notebook: for jobs that run notebooks before there is an image.
    """
    from jsk_ci.editing import changes, projects

    done = changes.install(projects.find(folder.resolve()), dry_run=dry_run, tell=terminal.note)
    found = {**done.to_dict(), "python": sys.executable}
    show(found, [repr(done)], as_json=as_json)
