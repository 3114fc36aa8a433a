"""Formats that other packages bring along: the entry points of the group ``jsk_saver.formats``."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

from jsk_saver.formats.base import Format

GROUP = "jsk_saver.formats"


class Registry(Protocol):
    """What a plug-in registers its formats with."""

    def register(self, format: Format, /) -> Format:  # noqa: A002 - the word of the field
        """Add a format."""
        ...


def load_plugins(from_plugin: Callable[[str], AbstractContextManager[Registry]]) -> dict[str, str]:
    """Register every plug-in's formats; one that is broken is a warning and nothing else.

    An entry point is a :class:`~jsk_saver.formats.base.Format`, a class of them, or a callable that takes
    the formats and registers what it likes.

    Parameters
    ----------
    from_plugin
        Opens the registry for one package.

    Returns
    -------
    dict
        What is wrong with each broken plug-in, by the name of its package.
    """
    # Reading the metadata of all packages takes tens of milliseconds: not before a format is needed.
    from importlib.metadata import entry_points

    broken = {}
    for point in entry_points(group=GROUP):
        package = point.dist.name if point.dist is not None else point.value
        try:
            found = point.load()
            with from_plugin(package) as formats:
                _use(found, formats)
        except Exception as error:
            broken[package] = f"{type(error).__name__}: {error}"
            warnings.warn(
                f"The format plug-in {point.name!r} of the package {package!r} does not work and was left "
                f"out ({broken[package]}). All other formats do. Next: pip install --upgrade {package}",
                stacklevel=2,
            )
    return broken


def _use(found: Any, formats: Registry) -> None:
    if isinstance(found, type) and issubclass(found, Format):
        formats.register(found())
    elif isinstance(found, Format):
        formats.register(found)
    elif callable(found):
        found(formats)
    else:
        raise TypeError(f"{found!r} is neither a Format nor a function that takes the formats")
