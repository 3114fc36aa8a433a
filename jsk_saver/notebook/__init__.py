"""Comfort in notebooks and IPython: ``%load_ext jsk_saver``.

After it, ``%saver`` finds and reads what was saved, ``%%trial`` makes a cell a trial with a live table,
``%kernel`` shows and changes the environment, and the tab key offers file names, keys of the metadata,
trials, metrics and parameters.
"""

from __future__ import annotations

from typing import Any

from jsk_saver.notebook.completion import complete_names, names_in_index, stop_completing

__all__ = ["complete_names", "load_ipython_extension", "unload_ipython_extension"]


def load_ipython_extension(ipython: Any) -> None:
    """Switch magics and completion on; called by ``%load_ext jsk_saver``."""
    from jsk_saver.notebook import kernel_magic, magics

    complete_names(ipython, names_in_index)
    magics.register(ipython)
    kernel_magic.register(ipython)


def unload_ipython_extension(ipython: Any) -> None:
    """Switch them off; called by ``%unload_ext jsk_saver``."""
    from jsk_saver.notebook import kernel_magic, magics

    stop_completing(ipython)
    magics.unregister(ipython)
    kernel_magic.unregister(ipython)
