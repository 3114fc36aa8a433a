"""The two forms in which Studio starts an image, and what each is told about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jsk_ci.errors import InUse, ProjectError
from jsk_ci.studio import naming
from jsk_ci.studio.client import Studio

#: What the image starts (docs/kernels.md, "What is in an image").
ENTRY_POINT = "/opt/jsk/bin/start-jupyterlab"
HOME, UID, GID = "/home/sagemaker-user", 1000, 100
_LONGEST_VALUE = 256


@dataclass(frozen=True, slots=True)
class Target:
    """An image version that a domain is to offer.

    Parameters
    ----------
    image
        Its name in SageMaker, which is also the kernelspec's.
    display_name
        What KernelGateway shows.
    version
        Its number.
    reference
        Pinned reference of the container image.
    """

    image: str
    display_name: str
    version: int
    reference: str


@dataclass(frozen=True, slots=True)
class Form:
    """One of Studio's forms.

    Parameters
    ----------
    name
        As it is asked for, and as it ends the names of configurations.
    settings
        Block of a domain's settings whose ``CustomImages`` are offered.
    field
        Member of an AppImageConfig.
    content
        What that member says of an image version.
    """

    name: str
    settings: str
    field: str
    content: Callable[[Target], dict[str, Any]]

    def config_name(self, image: str, version: int) -> str:
        """Return the name of the AppImageConfig of an image version."""
        return naming.config(image, version, self.name)

    def entry(self, image: str, version: int) -> dict[str, Any]:
        """Return what ``CustomImages`` say of an image version."""
        return {
            "ImageName": image,
            "ImageVersionNumber": version,
            "AppImageConfigName": self.config_name(image, version),
        }


def _jupyterlab(target: Target) -> dict[str, Any]:
    # No FileSystemConfig: it is refused in this form. Arguments are the entry point's own affair.
    return {
        "ContainerConfig": {
            "ContainerEntrypoint": [ENTRY_POINT],
            "ContainerEnvironmentVariables": {"JSK_KERNEL_IMAGE": target.reference},
        }
    }


def _kernelgateway(target: Target) -> dict[str, Any]:
    return {
        "KernelSpecs": [{"Name": target.image, "DisplayName": target.display_name}],
        "FileSystemConfig": {"MountPath": HOME, "DefaultUid": UID, "DefaultGid": GID},
    }


JUPYTERLAB = Form("jupyterlab", "JupyterLabAppSettings", "JupyterLabAppImageConfig", _jupyterlab)
KERNELGATEWAY = Form("kernelgateway", "KernelGatewayAppSettings", "KernelGatewayImageConfig", _kernelgateway)
ALL = (JUPYTERLAB, KERNELGATEWAY)


def chosen(names: Sequence[str]) -> tuple[Form, ...]:
    """Return the forms with these names; all of them without any.

    Raises
    ------
    ProjectError
        For a name that no form has.
    """
    known = {form.name: form for form in ALL}
    if unknown := [name for name in names if name not in known]:
        raise ProjectError(f"Studio has no form {unknown[0]!r}.", hint=f"Forms are: {', '.join(known)}.")
    return tuple(known[name] for name in dict.fromkeys(names)) or ALL


def ensure(studio: Studio, target: Target, forms: Sequence[Form]) -> dict[str, str]:
    """Make the configurations of an image version as they must be.

    Returns
    -------
    dict
        What was done to each by name: ``created``, ``updated`` or ``there``.
    """
    if len(target.reference) > _LONGEST_VALUE:
        raise ProjectError(f"{target.reference} is longer than an AppImageConfig's variables may be.")
    return {form.config_name(target.image, target.version): _ensure(studio, target, form) for form in forms}


def _ensure(studio: Studio, target: Target, form: Form) -> str:
    name, content = form.config_name(target.image, target.version), form.content(target)
    there = studio.find("describe_app_image_config", AppImageConfigName=name)
    if there is None:
        try:
            studio.ask("create_app_image_config", AppImageConfigName=name, **{form.field: content})
        except InUse:  # a lost answer, or another job at the same time
            there = studio.ask("describe_app_image_config", AppImageConfigName=name)
        else:
            return "created"
    if _same(there.get(form.field, {}), content):
        return "there"
    studio.ask("update_app_image_config", AppImageConfigName=name, **{form.field: content})
    return "updated"


def _same(told: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Tell whether all that is wanted is told; the service may add defaults."""
    return all(
        _same(told.get(key, {}), value) if isinstance(value, Mapping) else told.get(key) == value
        for key, value in wanted.items()
    )
