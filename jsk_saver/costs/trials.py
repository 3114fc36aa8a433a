"""What a trial cost: the instance that it noted, for as long as it ran, at the price of an hour."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jsk_saver.costs.prices import Price, Prices

#: Studio's machines have the name of a domain first: "d-abc/space" (:func:`jsk_saver.lineage.kernel.host`).
_STUDIO_HOST = re.compile(r"d-[a-z0-9-]+/")
_REGION = re.compile(r"\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com")


@dataclass(frozen=True, slots=True)
class TrialCost:
    """What one trial cost.

    Parameters
    ----------
    trial
        ``experiment/name``.
    instance
        Type it ran on; empty if it noted none.
    seconds
        How long it ran; None if that is not known.
    price
        Of an hour.
    cost
        In USD; None if anything of it is unknown.
    why
        Why it is unknown.
    """

    trial: str
    instance: str
    seconds: float | None
    price: Price
    cost: float | None
    why: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "trial": self.trial,
            "instance": self.instance,
            "seconds": self.seconds,
            "price": self.price.hourly,
            "price_source": self.price.source,
            "cost": None if self.cost is None else round(self.cost, 8),
            "why": self.why,
        }


def cost_of(trial: str, environment: Mapping[str, Any], seconds: float | None, prices: Prices) -> TrialCost:
    """Return what a trial cost.

    Parameters
    ----------
    trial
        Its name.
    environment
        What it noted about where it ran.
    seconds
        From its start to its end, or to now.
    prices
        Of the region it ran in.

    Examples
    --------
    >>> from pathlib import Path
    >>> from jsk_saver.costs.answers import Answers
    >>> prices = Prices("us-west-2", Answers(Path("nowhere")), ask=False)
    >>> cost_of("iris/first", {"instance": "ml.m5.xlarge"}, 1800, prices).cost
    0.115
    """
    noted = environment.get("cost") if isinstance(environment.get("cost"), Mapping) else {}
    instance = _sagemaker(
        str(environment.get("instance") or (noted or {}).get("instance") or ""), environment
    )
    length = (noted or {}).get("seconds", seconds)
    length = float(length) if isinstance(length, int | float) else None
    if not instance.startswith("ml."):
        what = f"{instance} is no instance of SageMaker" if instance else "it noted no instance of AWS"
        return TrialCost(trial, instance, length, Price(None, "unknown"), None, what)
    price = prices.of(instance)
    cost = None if length is None else price.of(length)
    why = ""
    if cost is None:
        why = "its end is not known" if length is None else f"no price of {instance} in {prices.region}"
    return TrialCost(trial, instance, length, price, cost, why)


def region_of(environment: Mapping[str, Any]) -> str:
    """Return the region that a trial's image was pulled in; empty if it tells none.

    Examples
    --------
    >>> region_of({"image": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/kernels/iris@sha256:0a"})
    'eu-central-1'
    """
    found = _REGION.search(str(environment.get("image") or ""))
    return found[1] if found else ""


def _sagemaker(instance: str, environment: Mapping[str, Any]) -> str:
    """Return an instance as SageMaker calls it: in Studio's apps, the machine itself says m5.xlarge."""
    in_studio = _STUDIO_HOST.match(str(environment.get("host") or ""))
    return f"ml.{instance}" if in_studio and instance and not instance.startswith("ml.") else instance
