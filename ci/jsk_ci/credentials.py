"""What a build may read and no layer keeps: package indexes, their passwords, certificates.

They are taken from where pip takes them, so that what installs on this machine builds here too.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from jsk_ci.errors import ProjectError

#: Of pip's settings, those that decide where packages come from.
_KEYS = {
    "PIP_INDEX_URL": "index-url",
    "PIP_EXTRA_INDEX_URL": "extra-index-url",
    "PIP_TRUSTED_HOST": "trusted-host",
}
#: Where certificates are named, the most particular first.
_CERTIFICATES = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")


def gather(folder: Path, environment: Mapping[str, str] = os.environ) -> dict[str, Path]:
    """Return secrets of a build by the name that the Dockerfile mounts them under.

    Parameters
    ----------
    folder
        Where a ``pip.conf`` may be written, if the environment names indexes; outside the build context.
    environment
        Of this process.

    Raises
    ------
    ProjectError
        If a file that the environment names is not there.
    """
    found: dict[str, Path] = {}
    if certificates := next((environment[name] for name in _CERTIFICATES if environment.get(name)), ""):
        found["ca"] = _existing(certificates, "certificates")
    if netrc := environment.get("NETRC"):
        found["netrc"] = _existing(netrc, "NETRC")
    told = {key: _reachable(environment[name]) for name, key in _KEYS.items() if environment.get(name)}
    if any(told.values()):
        file = folder / "pip.conf"
        file.touch(mode=0o600)
        lines = [f"{key} = {value}\n" for key, value in told.items() if value]
        file.write_text("[global]\n" + "".join(lines), encoding="utf-8")
        found["pip"] = file
    elif (named := environment.get("PIP_CONFIG_FILE")) and named != os.devnull:
        found["pip"] = _existing(named, "PIP_CONFIG_FILE")
    return found


def _existing(name: str, what: str) -> Path:
    path = Path(name)
    if not path.is_file():
        raise ProjectError(f"The environment names {name} ({what}), which is no file.")
    return path.resolve()


def _reachable(value: str) -> str:
    """Return those of several addresses that a container reaches too: no folders of this machine."""
    return " ".join(part for part in value.split() if urlsplit(part).scheme != "file")
