"""What an hour of an instance costs: asked of AWS, remembered, or of the table that comes with the kit.

Nothing is ever guessed: a type that none of them has costs an unknown amount, and so it is said.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jsk_saver.costs import price_list
from jsk_saver.costs.answers import Answers, Kept
from jsk_saver.errors import JskError

#: How long prices count as today's.
_FRESH = dt.timedelta(days=1)
_STUDIO = "JupyterLab"
_TABLE = Path(__file__).with_name("studio_prices.json")


@dataclass(frozen=True, slots=True)
class Price:
    """The price of an hour.

    Parameters
    ----------
    hourly
        In USD; None if it is unknown.
    source
        Who says so, and when.
    """

    hourly: float | None
    source: str

    def of(self, seconds: float) -> float | None:
        """Return what a length of time costs.

        Examples
        --------
        >>> Price(0.23, "the price list").of(5400)
        0.345
        """
        return None if self.hourly is None else self.hourly * seconds / 3600


#: Studio Classic's own server, which runs on an instance that AWS does not bill ("system" in its
#: ResourceSpec; SageMaker developer guide, "Usage metering").
FREE = Price(0.0, "AWS does not bill Studio's own server")


class Prices:
    """The prices of a region, each looked up once.

    Parameters
    ----------
    region
        Where the instances run.
    answers
        What was asked before.
    profile
        AWS profile.
    ask
        Whether AWS may be asked.

    Examples
    --------
    >>> prices = Prices("us-west-2", Answers(Path("nowhere")), ask=False)
    >>> prices.of("ml.m5.xlarge")
    Price(hourly=0.23, source="the kit's table of 2026-09-01")
    >>> prices.of("ml.x9.huge").hourly is None
    True
    """

    def __init__(self, region: str, answers: Answers, *, profile: str = "", ask: bool = True) -> None:
        self.region = region
        #: Why prices could not be asked for, in words.
        self.notes: list[str] = []
        self._answers, self._profile, self._ask = answers, profile, ask
        self._known: dict[str, Kept | None] = {}

    def of(self, instance: str, app_type: str = _STUDIO) -> Price:
        """Return the price of an hour of an instance in an app of Studio."""
        if app_type == "JupyterServer" and instance in ("system", ""):
            return FREE
        component = price_list.COMPONENTS.get(app_type)
        if component is None or not instance:
            return Price(None, "unknown")
        if (listed := self._listed(component)) is not None and instance in listed.value:
            return Price(
                float(listed.value[instance]), f"the AWS Price List, asked {listed.asked:%Y-%m-%d} (UTC)"
            )
        return _bundled(self.region, instance) if app_type == _STUDIO else Price(None, "unknown")

    def _listed(self, component: str) -> Kept | None:
        if component not in self._known:
            self._known[component] = self._look_up(component)
        return self._known[component]

    def _look_up(self, component: str) -> Kept | None:
        question = {"prices": component, "region": self.region}
        now = dt.datetime.now(dt.UTC)
        before = _usable(self._answers.recall(question))
        if not self._ask or (before and dt.timedelta() <= before.age(now) < _FRESH):
            return before
        try:
            found = price_list.ask(self.region, component, profile=self._profile)
        except JskError as error:
            before_that = (
                f"those of {before.asked:%Y-%m-%d} count" if before else "none were kept from before"
            )
            self.notes.append(f"Prices could not be asked for, {before_that}: {error.what}")
            return before
        if not found:
            return before
        self._answers.keep(question, found, now)
        return Kept(found, now)


def _usable(kept: Kept | None) -> Kept | None:
    """Return prices from before, if that is what they are: files may have been changed by anything."""
    prices = kept.value if kept else None
    fits = isinstance(prices, dict) and all(type(price) in (int, float) for price in prices.values())
    return kept if fits else None


@cache
def _table() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_TABLE.read_text(encoding="utf-8"))
    return found


def _bundled(region: str, instance: str) -> Price:
    known = _table()["regions"].get(region, {"prices": {}, "date": ""})
    if instance not in known["prices"]:
        return Price(None, "unknown")
    return Price(float(known["prices"][instance]), f"the kit's table of {known['date']}")
