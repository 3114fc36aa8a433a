"""Starts an image twice, as KernelGateway and as JupyterLab, and tells how each check went."""

from __future__ import annotations

import json
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jsk_ci import labels
from jsk_ci.builders.base import Builder, Container
from jsk_ci.errors import ProjectError, SmokeFailed
from jsk_ci.smoke import inside, jupyterlab

#: Where Studio mounts a user's home.
HOME = "/home/sagemaker-user"
_PYTHON = "/opt/jsk/env/bin/python"
#: Seconds for the kernel's checks, and for JupyterLab to answer.
_INSIDE, _HEALTH = 900.0, 180.0
#: Imported in the notebook if the image has the package, because nearly every notebook does.
USUAL = {"numpy": "numpy", "pandas": "pandas", "scikit-learn": "sklearn", "matplotlib": "matplotlib.pyplot"}


@dataclass(frozen=True, slots=True)
class Check:
    """How one check went.

    Parameters
    ----------
    name
        What was looked at.
    ok
        Whether it is as it should be.
    told
        What was seen.
    seconds
        How long it took.
    """

    name: str
    ok: bool
    told: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Report:
    """All checks of one image, and times in seconds.

    ``start`` is from the container's start to the first executed cell, ``first cell`` the kernel's part of
    it, ``imports`` what a cell with the usual imports takes then, ``imports share`` its part (0 to 1) of
    ``start`` and ``imports`` together, ``health`` from the container's start to JupyterLab's first answer.
    ``warnings`` are of what no check is failed for.
    """

    image: str
    checks: tuple[Check, ...]
    timing: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every check is as it should be."""
        return all(check.ok for check in self.checks)


def look(
    builder: Builder, reference: str, imports: Sequence[str] = (), conflicts: Sequence[str] = ()
) -> Report:
    """Start an image that ``builder`` has, and look at all that Studio and notebooks need.

    Parameters
    ----------
    builder
        What starts containers.
    reference
        The image.
    imports
        Modules that must import in it; those of :data:`USUAL` that it has packages for by default.
    conflicts
        Packages whose unmet requirements are known and allowed.

    Returns
    -------
    Report
        Also of an image that fails: :func:`insist` makes an error of it.

    Raises
    ------
    RegistryError
        If the builder does not have it, and cannot fetch it.
    BuildFailed
        If the builder cannot start it.
    """
    image = builder.inspect(reference) or builder.pull(reference)
    try:
        identity = labels.parse(image.labels, reference)
    except ProjectError as error:
        return Report(reference, (Check("kernel image", False, error.what, 0.0),))
    asked = {
        "name": identity.name,
        "display_name": identity.display_name,
        "fingerprint": identity.fingerprint,
        "home": HOME,
        "imports": list(imports) or _usual(identity.packages),
        "conflicts": list(conflicts),
    }
    checks, timing = _kernel(builder, reference, asked)
    lab, health, warning = _jupyterlab(builder, reference, identity.name)
    return Report(reference, (*checks, lab), {**timing, **health}, (warning,) if warning else ())


def insist(report: Report) -> None:
    """Raise an error if a check failed.

    Raises
    ------
    SmokeFailed
        Telling every failed check.
    """
    failed = [check for check in report.checks if not check.ok]
    if failed:
        told = "\n".join(f"  {check.name}: {_indented(check.told)}" for check in failed)
        raise SmokeFailed(
            f"No notebook would run well in {report.image}:\n{told}",
            kept="The candidate stays in the registry, and nothing was tagged, published or attached.",
            hint="Mend the dependencies, commit, and let the pipeline build again.",
        )


def _kernel(
    builder: Builder, reference: str, asked: Mapping[str, Any]
) -> tuple[list[Check], dict[str, float]]:
    with _folders() as (home, script):
        begun = time.time()  # folders are mounted, so the container is on this machine, and has its clock
        container = Container(
            reference,
            [_PYTHON, "-I", "/smoke/inside.py", json.dumps(asked)],
            variables={"HOME": HOME, "JSK_HOME": f"{HOME}/.jsk"},
            mounts={home: HOME, script: "/smoke"},
        )
        ran = builder.run(container, timeout=_INSIDE)
    lines = [line for line in ran.output.splitlines() if line.startswith(inside.MARK)]
    told = [json.loads(line.removeprefix(inside.MARK)) for line in lines]
    checks = [
        Check(item["check"], item["ok"], item["told"], item["seconds"]) for item in told if "check" in item
    ]
    timing = _timing(told, begun)
    if len(checks) < len(inside.CHECKS):
        last = "\n".join(ran.output.splitlines()[-15:])
        checks.append(Check("container", False, f"it ended with {ran.code} before all checks:\n{last}", 0.0))
    return checks, timing


def _timing(told: Sequence[Mapping[str, Any]], begun: float) -> dict[str, float]:
    timing: dict[str, float] = {}
    for item in (item for item in told if "timing" in item):
        start, imports = item["moment"] - begun, item["timing"]["imports"]
        timing |= {"start": round(start, 3), **item["timing"]}
        timing["imports share"] = round(imports / (start + imports), 3)
    return timing


def _jupyterlab(builder: Builder, reference: str, name: str) -> tuple[Check, dict[str, float], str]:
    warning, port, begun = "", _free_port(), time.monotonic()
    with _folders() as (home, _):
        variables = {"HOME": HOME, "JSK_JUPYTERLAB_PORT": str(port)}
        server = builder.start(Container(reference, variables=variables, mounts={home: HOME}))
        try:
            health = jupyterlab.await_health(server, port, _HEALTH)
            ok, told = True, jupyterlab.check(port, name)
            warning = jupyterlab.idle_warning(port)
        except SmokeFailed as error:
            ok, told, health = False, error.what, 0.0
        finally:
            server.stop()
    seconds = round(time.monotonic() - begun, 3)
    timing = {"health": round(health, 3)} if ok else {}
    return Check("JupyterLab app", ok, told, seconds), timing, warning


@contextmanager
def _folders() -> Iterator[tuple[Path, Path]]:
    """Yield an empty home that belongs to Studio's user, and a folder with what runs inside."""
    root = Path(tempfile.mkdtemp(prefix="jsk-smoke-"))
    try:
        home, script = root / "home", root / "smoke"
        for folder in (home, script):
            folder.mkdir()
        root.chmod(0o755)
        script.chmod(0o755)
        shutil.copyfile(inside.__file__, script / "inside.py")
        _give(home)
        yield home, script
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _give(home: Path) -> None:
    """Let user 1000 write into the home; a runner that is not root lets everybody."""
    if os.geteuid() == 0:
        os.chown(home, 1000, 100)
    else:
        home.chmod(0o777)


def _usual(packages: str) -> list[str]:
    installed = {line.partition("==")[0] for line in packages.splitlines()}
    return [module for package, module in USUAL.items() if package in installed] + ["jsk_saver"]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _indented(text: str) -> str:
    return text.replace("\n", "\n    ")
