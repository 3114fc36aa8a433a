"""Processes of the kit's own: no file in the user's folder is taken for a module of theirs."""

from __future__ import annotations

import sys
from pathlib import Path

from jsk_saver import errors

#: Imports this very package, which may be on nobody's path but that of the working folder.
_RUN = """\
import runpy, sys
from importlib.util import module_from_spec, spec_from_file_location
folder, module = sys.argv[1:3]
del sys.argv[1:3]
spec = spec_from_file_location("jsk_saver", folder + "/__init__.py", submodule_search_locations=[folder])
sys.modules["jsk_saver"] = package = module_from_spec(spec)
spec.loader.exec_module(package)
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""


def command(module: str, *arguments: str) -> list[str]:
    """Return what runs a module of the kit as ``python -m`` would.

    ``python -m`` puts the working folder first where modules are found, so that a ``json.py`` of the user's
    would be taken for that of Python. ``-P`` does not, and leaves ``PYTHONPATH`` as it is.
    """
    return [sys.executable, "-P", "-c", _RUN, str(Path(errors.__file__).parent), module, *arguments]
