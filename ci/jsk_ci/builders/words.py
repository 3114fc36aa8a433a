"""What of a program's output tells why it failed."""

from __future__ import annotations

import re

from jsk_ci.builders.program import Done
from jsk_ci.errors import BuildFailed, RegistryError

#: As ``recipe/layer.py`` marks them.
_MARK = "jsk-build: "
#: What BuildKit puts before a line: ``#8 12.31 ``.
_NUMBER = re.compile(r"^#\d+ (?:\d+\.\d+ )?")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
#: How many lines are shown where nothing is marked.
_LAST = 12
_KEPT = "Nothing was pushed."
#: What a person can do, by what the installer said.
_HINTS = (
    (
        re.compile(r"hash mismatch|do not match the hashes|unsatisfied hash", re.IGNORECASE),
        "The index offers another file than the one that was locked. If that is right: "
        "poetry lock --regenerate    # then commit poetry.lock",
    ),
    (
        re.compile(r"not found in the package registry|no version of|no solution found", re.IGNORECASE),
        "The index does not offer this version. Name the right index (PIP_INDEX_URL), or: poetry lock",
    ),
    (
        re.compile(r"failed to build|build backend returned an error", re.IGNORECASE),
        "It has no wheel for this platform and does not build in the image: lock a version with a wheel, "
        "or name a container image with compilers in [tool.jsk.kernel] from.",
    ),
    (
        re.compile(r"has no git"),
        'Name one that has it in [tool.jsk.kernel]: from = "python:3.11-bookworm"    # not slim',
    ),
    (
        re.compile(r"certificate|UnknownIssuer", re.IGNORECASE),
        "Name the file with your certificates: export PIP_CERT=/etc/ssl/certs/ca-certificates.crt",
    ),
)


def failed(what: str, log: str) -> BuildFailed:
    """Return the error that tells what of ``log`` matters.

    Parameters
    ----------
    what
        What was tried.
    log
        Everything the builder printed.
    """
    lines = [_COLOUR.sub("", _NUMBER.sub("", line)).rstrip() for line in log.splitlines()]
    marked = [line.partition(_MARK)[2] for line in lines if _MARK in line]
    telling = list(dict.fromkeys(marked)) or [line for line in lines if line.strip()][-_LAST:]
    text = "\n".join(telling)
    hint = next((hint for pattern, hint in _HINTS if pattern.search(text)), "")
    return BuildFailed(f"{what}:\n" + "\n".join(f"  {line}" for line in telling), kept=_KEPT, hint=hint)


def refused(what: str, done: Done) -> RegistryError:
    """Return the error of a registry that did not do ``what``; its reason is the log's last line."""
    lines = [line for line in (done.log.strip() or done.text).splitlines() if line.strip()]
    reason = lines[-1].strip() if lines else f"the program ended with {done.code}"
    return RegistryError(f"{what}: {reason}")
