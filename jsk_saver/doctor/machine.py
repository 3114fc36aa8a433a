"""What the doctor looks at on this machine: settings, cache, index, spool, Python and packages."""

from __future__ import annotations

import os
import sys
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsk_saver.doctor.report import Finding, without_login
from jsk_saver.human import human_size, human_time
from jsk_saver.record import format_time
from jsk_saver.settings import PREFIX, Settings, unknown_variables
from jsk_saver.stores.base import Problem
from jsk_saver.wording import count

if TYPE_CHECKING:
    from jsk_saver.connection import Connection

_SIZES = ("cache_size", "part_size")
_OTHER_HOME = "export JSK_HOME=/a/folder/you/may/write/to"


def kit() -> Finding:
    """Return the versions of kit and Python."""
    python = ".".join(map(str, sys.version_info[:3]))
    data = {"jsk": kit_version(), "python": python, "executable": sys.executable}
    told = [("version", data["jsk"]), ("Python", f"{python}, {sys.executable}")]
    return Finding("The kit", told, data=data)


def kit_version() -> str:
    """Return the version of the installed kit; ``unknown`` where it runs without being installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("jsk-saver")
    except PackageNotFoundError:
        return "unknown"


# Settings -------------------------------------------------------------------------------------------


def settings(connection: Connection) -> Finding:
    """Return every setting with its value and where that came from."""
    now = connection.settings
    names = [item.name for item in fields(Settings) if item.name != "origins"]
    values = {name: _plain(getattr(now, name)) for name in names} | {"store": _place(now.store_uri)}
    rows = [[name, _shown(name, value), now.origin(name)] for name, value in values.items()]
    data = [{"name": name, "value": value, "origin": now.origin(name)} for name, value in values.items()]
    problems = [*_home(now), *_unknown_variables()]
    return Finding("Settings", table=(["setting", "value", "from"], rows), data=data, problems=problems)


def _plain(value: Any) -> Any:
    return without_login(str(value)) if isinstance(value, str | Path) else value


def _place(uri: str) -> str:
    """Return where the store is; a relative folder as the whole path, which depends on the working folder."""
    return without_login(uri) if "://" in uri else str(Path(uri).expanduser().absolute())


def _unknown_variables() -> list[Problem]:
    known = [PREFIX + item.name.upper() for item in fields(Settings) if item.name != "origins"]
    problems = []
    for name in unknown_variables(os.environ):
        near = get_close_matches(name, known, n=1)
        hint = f"unset {name}" + (f"; export {near[0]}=…    # if that was meant" if near else "")
        problems.append(Problem(f"The environment sets {name}, which is no setting and has no effect.", hint))
    return problems


def _shown(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return human_size(value) if name in _SIZES else str(value)


def _writable(home: Path) -> bool:
    there = next(folder for folder in (home, *home.absolute().parents) if folder.exists())
    return there.is_dir() and os.access(there, os.W_OK)


def _home(now: Settings) -> list[Problem]:
    if _writable(now.home):
        return []
    return [
        Problem(
            f"The folder {now.home} cannot be written to: cache, index and spool have no place.",
            _OTHER_HOME,
        )
    ]


# Cache, index, spool --------------------------------------------------------------------------------


def cache(connection: Connection) -> Finding:
    """Return how full the cache is."""
    folder, limit = connection.scratch, connection.settings.cache_size
    used = connection.cache.used()
    on = connection.settings.cache and limit > 0
    data = {"on": on, "folder": str(folder), "used": used, "limit": limit}
    shown = f"{human_size(used)} of {human_size(limit)}" if on else "off"
    return Finding("Cache", [("used", shown), ("folder", str(folder))], data=data)


def index(connection: Connection) -> Finding:
    """Return where the index is, and how much it holds."""
    catalogue = connection.index
    versions, names = catalogue.count(), len(catalogue.names())
    path = str(getattr(catalogue, "path", "") or "")
    data = {
        "path": path,
        "versions": versions,
        "names": names,
        "rebuilt": catalogue.rebuilt,
        "warning": catalogue.warning,
    }
    held = f"{count(versions, 'version')} of {count(names, 'file name')}" if names else "nothing yet"
    told = [("holds", held), ("file", path)]
    if catalogue.rebuilt:
        told.append(("note", "it was damaged, outdated or gone, and begun anew; jsk search fills it"))
    problems = []
    if catalogue.warning:
        mends = _writable(connection.settings.home)  # else another home does, and only that
        problems = [Problem(catalogue.warning, "jsk reindex" if mends else _OTHER_HOME)]
    return Finding("Index", [(name, value) for name, value in told if value], data=data, problems=problems)


def spool(connection: Connection) -> Finding:
    """Return what waits to be sent, for which store, and why."""
    waiting, damaged = connection.spool.items(), connection.spool.damaged()
    size = sum(item.record.size for item in waiting)
    data = {
        "folder": str(connection.spool.folder),
        "waiting": [item.to_dict() for item in waiting],
        "damaged": [item.to_dict() for item in damaged],
        "size": size,
        "oldest": format_time(waiting[0].since) if waiting else None,
    }
    told = [
        ("waiting", f"{count(len(waiting), 'object')}, {human_size(size)}" if waiting else "nothing"),
        ("folder", str(connection.spool.folder)),
    ]
    problems = [Problem(item.error().what, item.error().hint) for item in damaged]
    for store in dict.fromkeys((item.store, item.server) for item in waiting):
        its = [item for item in waiting if (item.store, item.server) == store]
        what = f"{count(len(its), 'object')} could not be sent to {store[0]} and wait{'s' * (len(its) == 1)}"
        since = human_time(its[0].since)
        problems.append(Problem(f"{what} in the spool since {since}: {its[-1].reason}", "jsk spool push"))
    return Finding("Spool", told, data=data, problems=problems)


# Packages and formats -------------------------------------------------------------------------------


def formats() -> Finding:
    """Return which formats can be used, plug-ins' too, and what to install for the others."""
    import warnings

    from jsk_saver.formats import Formats
    from jsk_saver.formats.builtin import BUILTINS, EXTRAS

    known = Formats()
    with warnings.catch_warnings(action="ignore"):  # what they warn of is told below
        names = known.names()
    extensions = known.extensions()
    missing = [
        {
            "format": name,
            "extensions": [extension for extension, able in extensions.items() if name in able],
            "needs": lacking,
            "install": _line(lacking),
        }
        for name, lacking in known.missing().items()
    ]
    usable = [name for name in names if name not in known.missing()]
    needed = {package for item in BUILTINS for package in item.needs} | EXTRAS.keys() | {"boto3"}
    packages = {package: _installed(package) for package in sorted(needed)}
    told = [("available", ", ".join(usable)), *_packages_told(packages)]
    if missing:
        told.insert(1, ("missing", [f"{item['format']}: {item['install']}" for item in missing]))
    problems = [
        Problem(f"The format plug-in of {package} does not work: {why}.", f"pip install --upgrade {package}")
        for package, why in known.broken.items()
    ]
    data = {"available": usable, "missing": missing, "broken": known.broken, "packages": packages}
    return Finding("Formats", told, data=data, problems=problems)


def _packages_told(packages: dict[str, str | None]) -> list[tuple[str, Any]]:
    there = [f"{_public(package)} {version}" for package, version in packages.items() if version]
    absent = [_public(package) for package, version in packages.items() if version is None]
    told = [("packages", ", ".join(there)), ("not there", ", ".join(absent))]
    return [(name, value) for name, value in told if value]


def _installed(package: str) -> str | None:
    """Return the version of a package, without importing it; None if it is not there."""
    from importlib.metadata import PackageNotFoundError, version
    from importlib.util import find_spec

    try:
        if find_spec(package) is None:
            return None
        return version(_public(package))
    except PackageNotFoundError:
        return "unknown"
    except (ImportError, ValueError):
        return None


def _public(package: str) -> str:
    from jsk_saver.formats.builtin import PACKAGES

    return PACKAGES.get(package, package)


def _line(lacking: list[str]) -> str:
    """Return the command that installs these packages: an extra of the kit where one brings them."""
    from jsk_saver.formats.builtin import EXTRAS

    extras = sorted({EXTRAS[package] for package in lacking if EXTRAS.get(package) in _offered()})
    alone = sorted(_public(package) for package in lacking if EXTRAS.get(package) not in _offered())
    wanted = ([f"'jsk-saver[{','.join(extras)}]'"] if extras else []) + alone
    return f"pip install {' '.join(wanted)}"


def _offered() -> set[str]:
    """Return the extras that the kit has; ``torch`` is left to the user, for one."""
    return {"excel", "models", "plots", "polars", "s3", "tables", "tensors"}
