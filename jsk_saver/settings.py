"""Settings: arguments, environment, ``pyproject.toml`` or ``jsk.toml``, then what works with nothing set.

Each value remembers where it came from, so that ``jsk doctor`` can say what is in force and why.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from jsk_saver import project_file
from jsk_saver.errors import SettingsError

#: Environment variables are the setting's name in capitals behind this.
PREFIX = "JSK_"

_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS |= {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}
#: Settings in bytes, which may be given with a unit.
_SIZES = ("cache_size", "part_size")
#: Settings by which an S3 store is reached; the spool keeps them with what waits for it.
REACHING = ("endpoint_url", "profile", "region", "sse", "kms_key")
#: What looks like the address of something else than a folder.
_SCHEME = re.compile(
    r"(s3[an]?|gs|gcs|az|abfss?|wasbs?|https?|s?ftp|hdfs|dbfs|file|minio)(:|//)|[A-Za-z][\w+.-]*://", re.I
)
#: What kernel images, pipelines and ``jsk configure --env`` set, and others than a saver read.
_OF_OTHERS = (f"{PREFIX}KERNEL_", f"{PREFIX}CI_", f"{PREFIX}PLATFORM_")
#: What else the kit and its notebooks read from the environment.
_OTHERS = {
    f"{PREFIX}{name}"
    for name in (
        *("DEBUG", "USER", "NOTEBOOK", "EXPERIMENT", "TRIAL", "KERNEL_IMAGE", "KERNEL_FINGERPRINT"),
        *("REPRODUCE", "PARAMS"),
    )
}
#: Before the number of an argument that a record does not tell, because it is secret.
ARGUMENT = f"{PREFIX}ARGUMENT_"
#: Names the file of the plan, in a process that reproduces a trial.
REPRODUCE = f"{PREFIX}REPRODUCE"
_NUMBERS = {"timeout": "a whole number of seconds such as 30"}
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off", "")


def _default_home() -> Path:
    try:
        return Path.home() / ".jsk"
    except RuntimeError:  # a user without a home folder; an error only if no other is set
        return Path()


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set, with what holds when nothing is.

    Parameters
    ----------
    home
        Folder of the kit's own files on this machine: local store, cache, index, spool.
    store
        Where versions live: a folder, or ``s3://bucket/prefix``. Default: ``store`` in ``home``.
    if_changed
        Whether ``put`` first asks the store if the newest version already is the same.
    lineage
        Whether to note who, where, from which commit and notebook, and what was read before; what is given
        as ``parents=`` is noted always.
    cache
        Whether to keep versions read from S3 on this machine.
    cache_size
        Most bytes the cache may hold (``"1 GB"`` in text).
    progress
        Whether to show a bar for more than 64 MB.
    endpoint_url
        Address of an S3-compatible server; AWS without one.
    profile
        AWS profile, as for the AWS command line; assumed roles are set up there.
    region
        AWS region of the bucket.
    sse
        Server-side encryption: ``"AES256"``, ``"aws:kms"``, or none (the bucket's own default).
    kms_key
        Key for ``aws:kms``.
    part_size
        Bytes of one part of a multipart upload or of one ranged read.
    connections
        Parallel connections to S3.
    retries
        Attempts before the store counts as unreachable.
    timeout
        Seconds to wait for an answer, or for more of one (and for a connection, there at most 20).
    sinks
        Where trials are copied to, with commas between: ``sagemaker``, ``mlflow``, ``mlflow:http://…``,
        ``store``; ``none`` for nowhere. Without it, to the store, if that is on S3.
    origins
        Where each value came from, by name; what is absent is the default.
    """

    home: Path = field(default_factory=_default_home)
    store: str = ""
    if_changed: bool = False
    lineage: bool = True
    cache: bool = True
    cache_size: int = 10**9
    progress: bool = True
    endpoint_url: str = ""
    profile: str = ""
    region: str = ""
    sse: str = ""
    kms_key: str = ""
    part_size: int = 16 * 2**20
    connections: int = 10
    retries: int = 5
    timeout: int = 30
    sinks: str = ""
    origins: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def store_uri(self) -> str:
        """Where versions live, also when nothing is set."""
        return self.store or str(self.home / "store")

    def origin(self, name: str) -> str:
        """Say where the value of ``name`` came from."""
        return self.origins.get(name, "default")


def load(start: Path | None = None, **arguments: Any) -> Settings:
    """Return the settings in force here.

    Parameters
    ----------
    start
        Folder from which ``pyproject.toml`` and ``jsk.toml`` are looked for, upwards; the working folder by
        default.
    **arguments
        Values that win over everything; ``None`` means not given.

    Raises
    ------
    SettingsError
        For an unknown setting or a value that does not fit, naming where it was set.

    Examples
    --------
    >>> load(store="s3://lab/experiments").store
    's3://lab/experiments'
    """
    settings = Settings()
    for origin, values in (
        *_from_project(start or _working_folder()),
        *_from_environment(os.environ),
        *(("argument", {name: value}) for name, value in arguments.items() if value is not None),
    ):
        settings = _apply(settings, values, origin)
    _check(settings)
    return settings


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """Return variables that look like the kit's, but mean nothing to it."""
    known = {PREFIX + item.name.upper() for item in fields(Settings) if item.name != "origins"} | _OTHERS
    others = (*_OF_OTHERS, ARGUMENT)
    ours = (name for name in environment if name.startswith(PREFIX) and not name.startswith(others))
    return sorted(name for name in ours if name not in known)


def _working_folder() -> Path | None:
    try:
        return Path.cwd()
    except FileNotFoundError:  # it was removed meanwhile
        return None


def _from_project(start: Path | None) -> list[tuple[str, dict[str, Any]]]:
    for project in project_file.nearest(start):
        values = project.settings
        if values is not None:
            return [(project.origin, {name: _beside(project.file, name, values[name]) for name in values})]
    return []


def _beside(file: Path, name: str, value: Any) -> Any:
    """Return ``value``; a relative folder as seen from ``file``, so that every notebook means the same."""
    if name not in ("store", "home") or not isinstance(value, str) or not value or _SCHEME.match(value):
        return value
    return str(file.parent / _expanded(name, value, str(file)))


def _from_environment(environment: Mapping[str, str]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"environment {PREFIX}{item.name.upper()}", {item.name: environment[PREFIX + item.name.upper()]})
        for item in fields(Settings)
        if environment.get(PREFIX + item.name.upper())
    ]


def _apply(settings: Settings, values: Mapping[str, Any], origin: str) -> Settings:
    known = {item.name: item.type for item in fields(Settings) if item.name != "origins"}
    changes: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            raise SettingsError(
                f"There is no setting {name!r} (in: {origin}).",
                hint="Settings are: " + ", ".join(known) + ".",
            )
        changes[name] = _convert(name, str(known[name]), value, origin)
    return replace(settings, **changes, origins={**settings.origins, **dict.fromkeys(values, origin)})


def _convert(name: str, kind: str, value: Any, origin: str) -> Any:
    if kind == "bool":
        return _boolean(name, value, origin)
    if kind == "int":
        return _whole_number(name, value, origin)
    if not isinstance(value, str | Path):
        raise SettingsError(f"The setting {name!r} takes text, not {value!r} (in: {origin}).")
    return _absolute(name, _expanded(name, value, origin), origin) if kind == "Path" else str(value)


def _expanded(name: str, value: str | Path, origin: str) -> Path:
    try:
        return Path(value).expanduser()
    except RuntimeError:
        raise SettingsError(
            f"The setting {name!r} is {str(value)!r}, and this user has no home folder (in: {origin}).",
            hint=f"export {PREFIX}{name.upper()}=/a/folder/you/may/write/to",
        ) from None


def _absolute(name: str, path: Path, origin: str) -> Path:
    try:
        return path.absolute()
    except FileNotFoundError:
        raise SettingsError(
            f"The setting {name!r} is the relative folder {str(path)!r} (from {origin}), and the working "
            "folder is gone.",
            hint="cd to a folder that exists, or give the whole path.",
        ) from None


def _boolean(name: str, value: Any, origin: str) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if text not in (*_TRUE, *_FALSE):
        raise SettingsError(f"The setting {name!r} is on or off, not {value!r} (in: {origin}).")
    return text in _TRUE


def _whole_number(name: str, value: Any, origin: str) -> int:
    match = re.fullmatch(r"\s*(\d{1,18})(\.\d{1,9})?\s*([A-Za-z]*)\s*", str(value))
    size = name in _SIZES
    fits = match and (match[3].upper() in _UNITS if size else not match[2] and not match[3])
    if isinstance(value, bool) or not match or not fits:
        such = "a number such as 1000 or '1 GB'" if size else _NUMBERS.get(name, "a whole number such as 5")
        raise SettingsError(f"The setting {name!r} is {such}, not {value!r} (in: {origin}).")
    unit = _UNITS[match[3].upper()]
    return int(match[1]) * unit + round(float(match[2] or 0) * unit)


def _check(settings: Settings) -> None:
    if settings.sse not in ("", "AES256", "aws:kms", "aws:kms:dsse"):
        raise SettingsError(
            f"The setting 'sse' is {settings.sse!r} (from {settings.origin('sse')}).",
            hint="Use AES256 or aws:kms, or leave it out for the bucket's own default.",
        )
    if settings.kms_key and not settings.sse.startswith("aws:kms"):
        raise SettingsError(
            f"The setting 'kms_key' (from {settings.origin('kms_key')}) has no effect: 'sse' is not aws:kms.",
            hint="JSK_SSE=aws:kms",
        )
    if not 5 * 2**20 <= settings.part_size <= 5 * 2**30:
        raise SettingsError(
            f"The setting 'part_size' is {settings.part_size:,} bytes; S3 takes parts of 5 MiB to 5 GiB "
            f"(from {settings.origin('part_size')}).",
            hint="JSK_PART_SIZE='16 MiB'",
        )
    for name in ("connections", "retries", "timeout"):
        if getattr(settings, name) < 1:
            raise SettingsError(f"The setting {name!r} is at least 1 (from {settings.origin(name)}).")
    _check_places(settings)


def _check_places(settings: Settings) -> None:
    """Refuse addresses that would send objects to another place than the one that was meant."""
    if not settings.home.is_absolute():
        raise SettingsError(
            "This user has no home folder, so the kit has no place for its own files.",
            hint="export JSK_HOME=/a/folder/you/may/write/to",
        )
    endpoint = settings.endpoint_url
    if endpoint and not re.match(r"https?://[^/\s]", endpoint):
        shown = re.sub(r"[^/]*@", "…@", endpoint)
        raise SettingsError(
            f"The setting 'endpoint_url' is {shown!r}, which does not begin with http:// or https:// "
            f"(from {settings.origin('endpoint_url')}).",
            hint=f"JSK_ENDPOINT_URL=http://{shown.rpartition('//')[2]}",
        )
    uri = settings.store_uri
    if not _SCHEME.match(uri):
        if not uri.startswith("~"):
            _absolute("store", Path(uri), settings.origin("store"))
        return
    scheme, _, rest = uri.partition("://")
    if scheme not in ("s3", "file") or not rest.strip("/"):
        mistyped = re.fullmatch(r"s3:?/+([^/].*)", uri, re.I)
        meant = f"s3://{mistyped[1]}" if mistyped else "s3://bucket/prefix, or a folder"
        raise SettingsError(
            f"The store {uri!r} (from {settings.origin('store')}) is of an unknown kind.",
            hint=f"JSK_STORE={meant}" + (f"    # the folder is ./{uri}" if mistyped else "."),
        )
