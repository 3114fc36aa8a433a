"""What the usage types of a bill stand for: ``USE1-Studio:JupyterLab-ml.t3.medium``."""

from __future__ import annotations

import re

#: An instance type at the end: ml.t3.medium, m5.2xlarge, db.r6g.large, c7i.metal-24xl, ml.p6-b200.48xlarge.
_INSTANCE = re.compile(
    r"(?:^|[:\-.])(?P<type>(?:(?:ml|db|cache)\.)?[a-z]\w*(?:-\w+)?\.(?:nano|micro|small|medium|\d*x?large|metal[\w-]*))$"
)
#: The region that it begins with: USE1-, EU-, APN2-.
_REGION = re.compile(r"^[A-Z]{2,4}\d?-")
#: What SageMaker calls its uses on a bill, and what people call them.
_USES = {
    "Studio:JupyterLab": "JupyterLab",
    "Studio:CodeEditor": "Code Editor",
    "Studio:KernelGateway": "Studio Classic",
    "Notebk": "notebook instance",
    "Train": "training",
    "SpotTraining": "training",
    "Processing": "processing",
    "Host": "endpoint",
    "Tsform": "batch transform",
    "BoxUsage": "EC2",
}


def instance_of(usage: str) -> str:
    """Return the instance type that a usage type is about; empty for anything else.

    Examples
    --------
    >>> instance_of("USE1-Studio:JupyterLab-ml.t3.medium"), instance_of("EUC1-BoxUsage:m5.2xlarge")
    ('ml.t3.medium', 'm5.2xlarge')
    >>> instance_of("USE1-Train:ml.p6-b200.48xlarge"), instance_of("USE1-Studio:VolumeUsage.gp3")
    ('ml.p6-b200.48xlarge', '')
    """
    found = _INSTANCE.search(usage)
    return found["type"] if found else ""


def use_of(usage: str) -> str:
    """Return what an instance, or whatever else it is, was used for.

    Examples
    --------
    >>> use_of("USE1-Studio:JupyterLab-ml.t3.medium"), use_of("Train:ml.m5.xlarge")
    ('JupyterLab', 'training')
    >>> use_of("EUC1-Studio:VolumeUsage.gp3"), use_of("TimedStorage-ByteHrs")
    ('Studio:VolumeUsage.gp3', 'TimedStorage-ByteHrs')
    """
    plain = _REGION.sub("", usage)
    instance = instance_of(usage)
    if instance:
        plain = plain.removesuffix(instance).rstrip(":-.")
    return _USES.get(plain, plain)
