"""What makes an image large: the installed size of each package in it."""

from __future__ import annotations

import json
from collections.abc import Mapping

from jsk_ci.builders.base import Builder, Container
from jsk_ci.errors import BuildFailed
from jsk_saver.human import human_size

#: How many packages a report names.
MOST = 10
#: Runs in the image. A package's own list of files (RECORD) is what a wheel installed, whatever it is called.
_SCRIPT = """
import importlib.metadata, json
sizes = {}
for package in importlib.metadata.distributions(path=[p for p in __import__("sys").path if "/opt/jsk/" in p]):
    files = {package.locate_file(file) for file in package.files or ()}
    sizes[package.metadata["Name"]] = sum(file.stat().st_size for file in files if file.is_file())
print(json.dumps(sizes))
"""


def measure(reference: str, builder: Builder) -> dict[str, int]:
    """Return the bytes of every package in an image, the heaviest first.

    Raises
    ------
    BuildFailed
        If the image's Python does not start.
    """
    ran = builder.run(Container(reference, ["/opt/jsk/env/bin/python", "-I", "-B", "-c", _SCRIPT]))
    told = [line for line in ran.output.splitlines() if line.startswith("{")]
    if ran.code or not told:
        raise BuildFailed(f"{reference} cannot tell what is in it: {ran.output.strip()[-500:]}")
    found: dict[str, int] = json.loads(told[-1])
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def lines(found: Mapping[str, int]) -> list[str]:
    """Return a line for each of the heaviest packages, and one for the rest."""
    shown = [f"{human_size(size):>10}  {name}" for name, size in list(found.items())[:MOST]]
    rest = list(found.values())[MOST:]
    return shown + ([f"{human_size(sum(rest)):>10}  in {len(rest)} others"] if rest else [])
