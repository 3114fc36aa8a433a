"""What can go wrong on the way from a lock to an image in Studio, beyond what the saver's errors say.

They follow the rules of :mod:`jsk_saver.errors`: what happened, what was kept, what to type next. Their
exit codes are those of ``jsk``.
"""

from __future__ import annotations

from jsk_saver.errors import JskError


class ProjectError(JskError, ValueError):
    """A kernel's folder does not say what image it wants, or says it wrongly."""

    exit_code = 2


class LockError(JskError, ValueError):
    """A lock that is missing, unreadable, out of date, or that no image can be built from."""

    exit_code = 2


class BuildFailed(JskError, RuntimeError):
    """No image came out: a package does not exist or does not build, or the builder refused."""


class NoBuilder(JskError, RuntimeError):
    """Neither a Docker engine nor buildah is there."""


class OverBudget(JskError, RuntimeError):
    """An image is larger than its project allows."""


class SmokeFailed(JskError, RuntimeError):
    """An image was built in which no notebook would run."""


class RegistryError(JskError, OSError):
    """The registry refused, failed or did not answer."""

    exit_code = 6


class TagTaken(RegistryError):
    """A tag that is never moved exists already, with another digest."""

    exit_code = 5


class StudioError(JskError, RuntimeError):
    """SageMaker refused, or an image, a version or a domain ended in a failed state."""

    exit_code = 6


class Denied(StudioError):
    """AWS does not let this role do what was asked."""


class StudioBusy(StudioError):
    """SageMaker throttles, is in trouble or does not answer; whether the call was carried out is unknown."""


class NotPublished(StudioError):
    """SageMaker has no such image, image version, configuration or domain."""

    exit_code = 3


class InUse(StudioError):
    """Something in SageMaker is being changed, or is referred to, and cannot be changed now."""

    exit_code = 5


class LeaseError(JskError, RuntimeError):
    """Whose turn it is to change a domain could not be settled."""

    exit_code = 5


class GitLabError(JskError, OSError):
    """GitLab refused, failed or did not answer."""

    exit_code = 6
