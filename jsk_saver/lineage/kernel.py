"""Who runs this, on which machine, in which kernel image and Python."""

# No pathlib: this runs in every put, and it costs several times the call it wraps.
# ruff: noqa: PTH123

from __future__ import annotations

import json
import os
import sys
from functools import cache

#: Written by SageMaker into every Studio app: domain, space or user profile, application.
STUDIO_METADATA = "/opt/ml/metadata/resource-metadata.json"

#: Where an image says who it is, most telling first: this kit's own variable (which names the digest),
#: SageMaker Studio, JupyterHub's spawners, GitLab's CI jobs.
_IMAGE_VARIABLES = (
    "JSK_KERNEL_IMAGE",
    "SAGEMAKER_INTERNAL_IMAGE_URI",
    "JUPYTER_IMAGE_SPEC",
    "JUPYTER_IMAGE",
    "CI_JOB_IMAGE",
)


@cache
def describe() -> dict[str, str]:
    """Return ``user``, ``host``, ``image``, ``fingerprint`` and ``python``, those that are known.

    Looked up once: none of them changes while a process lives.
    """
    known = {
        "user": user(),
        "host": host(),
        "image": image(),
        "fingerprint": os.environ.get("JSK_KERNEL_FINGERPRINT"),
        "python": sys.version.split()[0].rstrip("+"),
    }
    return {key: value for key, value in known.items() if value}


def image() -> str | None:
    """Return the image this kernel runs in, by digest where that is known; None outside of one."""
    return next((value for name in _IMAGE_VARIABLES if (value := os.environ.get(name))), None)


def user() -> str | None:
    """Return who runs this.

    In Studio and on a JupyterHub every account on the machine has the same name, so those are asked
    first; ``JSK_USER`` wins over everything.
    """
    return (
        os.environ.get("JSK_USER")
        or _studio().get("UserProfileName")
        or os.environ.get("JUPYTERHUB_USER")
        or _login()
    )


def host() -> str | None:
    """Return the name of the machine, or Studio's domain and space, where machines are called alike."""
    studio = _studio()
    domain, space = studio.get("DomainId"), studio.get("SpaceName") or studio.get("ResourceName")
    return f"{domain}/{space}" if domain and space else os.uname().nodename


def _studio() -> dict[str, str]:
    try:
        with open(STUDIO_METADATA, encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {key: value for key, value in found.items() if isinstance(value, str) and value}


def _login() -> str | None:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run as a number that has no name
        return str(os.getuid())
