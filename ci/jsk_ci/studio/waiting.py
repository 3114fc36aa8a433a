"""Waiting until SageMaker is done with something, and saying why if it failed."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from jsk_ci.errors import NotPublished, StudioError
from jsk_ci.studio.client import Studio

_KEPT = "What was done before stays as it is; the same command goes on from there."


def until(
    studio: Studio, operation: str, status: str, well: Collection[str], going: Collection[str], **said: Any
) -> dict[str, Any]:
    """Describe something until it is well.

    Parameters
    ----------
    operation
        That describes it.
    status
        Name of the status in the answer.
    well, going
        Statuses that are hoped for, and that will change by themselves.
    **said
        What it is.

    Raises
    ------
    StudioError
        With SageMaker's own reason, if it fails; if it is not well in time.
    """
    studio.patience.fresh()
    while True:
        answer = studio.ask(operation, **said)
        now = answer.get(status, "")
        if now in well:
            return answer
        what = " ".join(str(value) for value in said.values())
        if now not in going:
            raise failure(what, now, answer.get("FailureReason", ""))
        if studio.patience.over:
            raise StudioError(
                f"{what} is still {now} after {studio.patience.seconds:.0f} seconds.",
                kept=_KEPT,
                hint=f"Run the same again, or allow more time: --wait {2 * studio.patience.seconds:.0f}",
            )
        studio.patience.pause()


def failure(what: str, status: str, reason: str) -> StudioError:
    """Return the error that tells how something ended."""
    return StudioError(
        f"{what} ended as {status or 'nothing'}: {reason or 'SageMaker gives no reason'}",
        kept="No domain was changed by it.",
        hint=_hint(reason),
    )


def _hint(reason: str) -> str:
    text = reason.lower()
    if "denied" in text or "not authorized" in text or "permission" in text:
        return "Let the role of --role read the registry: ecr:BatchGetImage, ecr:GetDownloadUrlForLayer."
    if "not found" in text or "does not exist" in text or "not exist" in text:
        return "jsk-ci push    # SageMaker takes images of ECR in its own account and region"
    return ""


def image(studio: Studio, name: str) -> dict[str, Any]:
    """Wait until an image is there."""
    going = ("CREATING", "UPDATING")
    # An update that failed leaves the image as it was.
    well = ("CREATED", "UPDATE_FAILED")
    try:
        return until(studio, "describe_image", "ImageStatus", well, going, ImageName=name)
    except StudioError as error:
        if "CREATE_FAILED" in error.what:
            error.hint = f"aws sagemaker delete-image --image-name {name}    # then run the same again"
        raise


def version(studio: Studio, image: str, number: int) -> dict[str, Any]:
    """Wait until an image version is there."""
    said = {"ImageName": image, "Version": number}
    return until(studio, "describe_image_version", "ImageVersionStatus", ("CREATED",), ("CREATING",), **said)


def domain(studio: Studio, name: str, *, also: Collection[str] = ()) -> dict[str, Any]:
    """Wait until a domain is in service, or as ``also`` says."""
    return until(
        studio,
        "describe_domain",
        "Status",
        ("InService", *also),
        ("Updating", "Pending"),
        DomainId=name,
    )


def gone(studio: Studio, image: str, number: int) -> None:
    """Wait until an image version is there no more."""
    try:
        until(
            studio,
            "describe_image_version",
            "ImageVersionStatus",
            (),
            ("DELETING", "CREATED"),
            ImageName=image,
            Version=number,
        )
    except NotPublished:
        return
