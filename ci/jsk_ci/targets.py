"""The machine an image is for: what PEP 508 markers are asked about, instead of the machine that builds."""

from __future__ import annotations

#: The one platform SageMaker Studio starts.
PLATFORM = "linux/amd64"


def markers(python: str) -> dict[str, str]:
    """Return the variables of PEP 508 markers for a Python on :data:`PLATFORM`.

    Parameters
    ----------
    python
        ``3.11``, or ``3.11.2`` where a lock tells patch releases apart.

    Examples
    --------
    >>> markers("3.11")["python_full_version"]
    '3.11.0'
    """
    major, minor, *patch = python.split(".")
    full = ".".join([major, minor, *(patch or ["0"])])
    return {
        "implementation_name": "cpython",
        "implementation_version": full,
        "os_name": "posix",
        "platform_machine": "x86_64",
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": full,
        "python_version": f"{major}.{minor}",
        "sys_platform": "linux",
    }
