"""What is in an image, as a software bill of materials that other tools read: CycloneDX 1.6, in JSON.

Made from the lock, with the hashes that the build checked, and of a base from the pins of Poetry, too. What
is in the container image that a base starts from (Debian's packages) is in that image's own bill: here it
is named with its digest, and told to be incomplete. The same image gives the same bytes: the serial number
follows from the fingerprint, and no time of day is in it.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

from jsk_ci import tools
from jsk_ci.errors import ProjectError
from jsk_ci.fingerprint import Inputs
from jsk_ci.lockfile import Package
from jsk_ci.project import Kernel
from jsk_ci.references import Reference

#: Of the serial numbers, which are UUIDs of version 5 (RFC 9562) of the fingerprint.
_NAMESPACE = uuid.UUID("4f3c2f5e-6d0c-5d0e-9d57-6a736b2d6369")
#: How the bill itself calls the image that this one starts from.
_PARENT = "parent"


def document(
    kernel: Kernel,
    inputs: Inputs,
    packages: Mapping[str, Package],
    inherited: Mapping[str, str] | None = None,
) -> str:
    """Return the bill of materials of a kernel's image.

    Parameters
    ----------
    kernel, inputs
        The image.
    packages
        What its lock installs, by name.
    inherited
        Names and versions that come with the base alone, where they are known.

    Returns
    -------
    str
        CycloneDX 1.6 as JSON, indented, keys sorted.

    Raises
    ------
    ProjectError
        If the package that writes it is not installed.
    """
    try:
        from cyclonedx.model.bom import Bom
        from cyclonedx.output.json import JsonV1Dot6
    except ImportError as error:
        raise ProjectError(
            "A bill of materials needs the package cyclonedx-python-lib.",
            hint='pip install "jsk-saver[ci]"',
        ) from error
    components = [_component(package) for package in packages.values()]
    components += [_inherited(name, version) for name, version in (inherited or {}).items()]
    components += [_tool(package) for package in tools.packages(kernel).values()]
    components.append(_parent(kernel, inputs))
    bom = Bom(serial_number=uuid.uuid5(_NAMESPACE, inputs.fingerprint), components=components)
    bom.metadata.component = _image(kernel, inputs)
    bom.register_dependency(bom.metadata.component, components)
    told = json.loads(JsonV1Dot6(bom).output_as_string())
    told["metadata"].pop("timestamp", None)
    told["compositions"] = [{"aggregate": "incomplete", "assemblies": [_PARENT]}]
    return json.dumps(told, indent=2, sort_keys=True) + "\n"


def _image(kernel: Kernel, inputs: Inputs) -> Any:
    from cyclonedx.model import Property
    from cyclonedx.model.component import Component, ComponentType

    told = {
        "io.jsk.kernel.fingerprint": inputs.fingerprint,
        "io.jsk.kernel.parent": inputs.parent,
        "io.jsk.kernel.platform": inputs.platform,
        "io.jsk.kernel.python": inputs.python,
    }
    return Component(
        type=ComponentType.CONTAINER,
        name=kernel.name,
        version=inputs.tag,
        bom_ref=kernel.name,
        properties=[Property(name=name, value=value) for name, value in told.items()],
    )


def _parent(kernel: Kernel, inputs: Inputs) -> Any:
    """Return the image that it starts from; a base in a folder is called as the folder is."""
    from cyclonedx.model import Property
    from cyclonedx.model.component import Component, ComponentType
    from packageurl import PackageURL

    where = {}
    name = kernel.parent_folder.name if kernel.parent_folder else ""
    if not name:
        reference = Reference.parse(kernel.parent)
        name = reference.repository.rpartition("/")[2]
        where = {"repository_url": f"{reference.registry}/{reference.repository}"}
    return Component(
        type=ComponentType.CONTAINER,
        name=kernel.parent,
        version=inputs.parent,
        purl=PackageURL("oci", None, name, inputs.parent, where),
        bom_ref=_PARENT,
        properties=[Property(name="io.jsk.kernel.from", value="what this image starts from")],
    )


def _tool(package: Package) -> Any:
    from cyclonedx.model import Property

    made = _component(package, f"{tools.PLACE}:")
    made.properties.add(Property(name="io.jsk.kernel.place", value=tools.PLACE))
    return made


def _component(package: Package, prefix: str = "") -> Any:
    from cyclonedx.contrib.hash.factories import HashTypeFactory
    from cyclonedx.model import ExternalReference, ExternalReferenceType, XsUri
    from cyclonedx.model.component import Component, ComponentType

    read = HashTypeFactory().from_composite_str

    # A lock names every file that fits; which one was taken is the installer's choice, so each is a
    # distribution of the component rather than its hash.
    references = [
        ExternalReference(
            type=ExternalReferenceType.DISTRIBUTION,
            url=XsUri(f"https://pypi.org/simple/{package.name}/#{value.replace(':', '=')}"),
            hashes=[read(value)],
        )
        for value in package.hashes
        if not package.source
    ]
    return Component(
        type=ComponentType.LIBRARY,
        name=package.name,
        version=package.version,
        purl=_purl(package.name, package.version, package.source),
        bom_ref=f"{prefix}{package.name}@{package.version}",
        external_references=references,
    )


def _inherited(name: str, version: str) -> Any:
    from cyclonedx.model import Property
    from cyclonedx.model.component import Component, ComponentType

    return Component(
        type=ComponentType.LIBRARY,
        name=name,
        version=version,
        purl=_purl(name, version, {}),
        bom_ref=f"{name}@{version}",
        properties=[Property(name="io.jsk.kernel.from", value="base image")],
    )


def _purl(name: str, version: str, source: Mapping[str, str]) -> Any:
    """Return a package URL; one of a private index says so, or it would be looked for on PyPI."""
    from packageurl import PackageURL

    qualifiers = {"repository_url": source["url"]} if source.get("type") == "legacy" else None
    return PackageURL("pypi", None, name, version, qualifiers)
