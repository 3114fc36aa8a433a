"""Keeps tests, doctests and notebooks away from this user's own home, settings and accounts.

It stands here, and not in ``tests/``, because doctests live in ``jsk_saver/`` and tutorials in
``notebooks/``; the kernels of the latter inherit this process's environment.
"""

from __future__ import annotations

import functools
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import botocore.session
import pytest

from tests.servers.processes import temporary_folder

#: What could point the kit, boto3, Jupyter or git at something of the user's.
FOREIGN = ("AWS_", "BOTO_", "GIT_", "IPYTHON", "JPY_", "JSK_", "JUPYTER_", "SAGEMAKER_", "XDG_")

_folder = pytest.StashKey[str]()
_before = pytest.StashKey[dict[str, str]]()

# Each session of botocore reads the services' descriptions anew, which is most of the time that a client
# takes to make (SageMaker's: 0.3 s), and tests make thousands of clients. They only read them.
botocore.session.create_loader = functools.cache(botocore.session.create_loader)


def pytest_configure(config: pytest.Config) -> None:
    """Give the whole session an empty home."""
    home = str(temporary_folder("jsk-tests-"))
    config.stash[_folder], config.stash[_before] = home, dict(os.environ)
    for name in list(os.environ):
        if name.startswith(FOREIGN):
            del os.environ[name]
    os.environ.update(
        {
            "HOME": home,
            "JSK_HOME": str(Path(home) / ".jsk"),
            "AWS_ACCESS_KEY_ID": "nobody",
            "AWS_SECRET_ACCESS_KEY": "nothing",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "MPLBACKEND": "Agg",
            # Matplotlib lists the machine's fonts once, which takes seconds; not once per run.
            "MPLCONFIGDIR": str(config.rootpath / "build" / "matplotlib"),
        }
    )


def pytest_unconfigure(config: pytest.Config) -> None:
    """Put everything back."""
    if _before in config.stash:
        os.environ.clear()
        os.environ.update(config.stash[_before])
        shutil.rmtree(config.stash[_folder], ignore_errors=True)


@pytest.fixture(autouse=True)
def examples(request: pytest.FixtureRequest) -> Iterator[None]:
    """Give the examples in docstrings of trials what a notebook has by then: saver, experiment and trial."""
    if not isinstance(request.node, pytest.DoctestItem) or ".tracking" not in request.node.name:
        yield
        return
    from jsk_saver import Experiment, Saver

    # What goes with a trial may still be on its way to the disk.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        saver = Saver(home=home)
        experiment = Experiment("iris-kmeans", saver=saver)
        known = {"saver": saver, "experiment": experiment}
        source = request.node.dtest.docstring or ""
        trial = experiment.trial("example", k=5) if "trial." in source and "as trial" not in source else None
        request.node.dtest.globs.update(known | ({"trial": trial} if trial else {}))
        yield
        if trial is not None:
            trial.finish()
