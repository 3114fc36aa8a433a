"""Names and tokens that SageMaker takes, from what the kit knows."""

from __future__ import annotations

import hashlib
import re

from jsk_ci.errors import ProjectError, StudioError
from jsk_ci.references import Reference

#: botocore's service model: ImageName, AppImageConfigName, ClientToken, ReleaseNotes, ImageBaseImage.
_LONGEST_NAME, _LONGEST_TOKEN, _LONGEST_NOTES, _LONGEST_IMAGE = 63, 36, 255, 255
_IMAGE_NAME = re.compile(r"[a-zA-Z0-9](?:[-.]?[a-zA-Z0-9]){0,62}")
_VERSION_ARN = re.compile(r"arn:aws[\w-]*:sagemaker:[^:]*:\d{12}:image-version/([a-z0-9.-]+)/(\d+)")


def check_image(name: str) -> str:
    """Return the name of an image in SageMaker, which is the kernel's.

    Raises
    ------
    ProjectError
        If SageMaker takes no such name: no ``_``, no two hyphens in a row, at most 63 characters.
    """
    if len(name) > _LONGEST_NAME or not _IMAGE_NAME.fullmatch(name):
        raise ProjectError(
            f"SageMaker takes no image called {name!r}.",
            hint="Change name in [tool.jsk.kernel]: letters, digits and single hyphens, at most 63 of them.",
        )
    return name


def config(image: str, version: int, form: str) -> str:
    """Return the name of the AppImageConfig of an image version in one of Studio's forms.

    Each version has configurations of its own: they name its digest, so that one for all versions would
    tell running notebooks of an image they are not in.

    Examples
    --------
    >>> config("iris", 7, "jupyterlab")
    'iris-v7-jupyterlab'
    >>> len(config("i" * 63, 7, "jupyterlab"))
    63
    """
    end = f"-v{version}-{form}"
    start = image.replace(".", "-")
    if len(start) + len(end) > _LONGEST_NAME:
        short = hashlib.sha256(image.encode()).hexdigest()[:8]
        start = f"{start[: _LONGEST_NAME - len(end) - 9].rstrip('-')}-{short}"
    return start + end


def token(image: str, reference: str, after: int = 0) -> str:
    """Return the ClientToken of an image version: the same for the same image, so that retries make no two.

    Parameters
    ----------
    image
        Its name in SageMaker.
    reference
        Pinned reference of the container image.
    after
        The newest version of the same image that failed; a new attempt must not get that one back.

    Examples
    --------
    >>> len(token("iris", "registry.example.org/iris@sha256:00"))
    36
    """
    told = f"{image}\n{reference}\n{after}"
    return f"jsk-{hashlib.sha256(told.encode()).hexdigest()}"[:_LONGEST_TOKEN]


def notes(text: str) -> str:
    """Return ReleaseNotes: one line, at most 255 characters."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_NOTES else line[: _LONGEST_NOTES - 1] + "…"


def base_image(reference: Reference) -> str:
    """Return what an image version is made of, always by digest.

    Raises
    ------
    ProjectError
        If the reference names no digest, or is longer than SageMaker takes.
    """
    if len(reference.pinned) > _LONGEST_IMAGE:
        raise ProjectError(
            f"{reference.pinned} has {len(reference.pinned)} characters, and SageMaker takes "
            f"{_LONGEST_IMAGE}.",
            hint="Give the repository a shorter name.",
        )
    return reference.pinned


def version_of(arn: str) -> tuple[str, int]:
    """Return the image's name, in lower case, and the number of the version that an ARN names.

    Raises
    ------
    StudioError
        If it is no ARN of an image version.
    """
    match = _VERSION_ARN.fullmatch(arn)
    if match is None:
        raise StudioError(f"SageMaker named an image version {arn!r}, which is not understood.")
    return match[1], int(match[2])
