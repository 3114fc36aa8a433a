"""Cost Explorer: what was spent, day by day, on whatever carries the kit's cost tags.

Each request costs a cent, and what it tells changes a few times a day, so answers are kept for hours.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from jsk_saver.costs.answers import Answers
from jsk_saver.costs.clients import code_of, connect, explained, region_of
from jsk_saver.errors import AccountError, JskError

#: USD for one request, page by page (aws.amazon.com/aws-cost-management/aws-cost-explorer/pricing).
REQUEST = Decimal("0.01")
#: For how long an answer is taken as it is: AWS brings costs up to date at least once, mostly up to three
#: times, a day.
FRESH = dt.timedelta(hours=6)
#: The tags that costs are told by.
TAGS = ("squad", "experiment", "user")
#: What lowers a bill without anything having been used less.
_NOT_SPENT = {"Dimensions": {"Key": "RECORD_TYPE", "Values": ["Credit", "Refund"]}}
_KINDS = ({"Type": "DIMENSION", "Key": "SERVICE"}, {"Type": "DIMENSION", "Key": "USAGE_TYPE"})


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked.

    Parameters
    ----------
    start, end
        Days, in UTC; the last one is not part of it.
    tags
        Only what carries these, by name without ``jsk:``; all that belongs to a squad without any.
    by
        One of :data:`TAGS`, to tell its values apart; services and usage types are told apart without.
    """

    start: dt.date
    end: dt.date
    tags: tuple[tuple[str, str], ...] = ()
    by: str = ""

    def request(self) -> dict[str, Any]:
        """Return it as Cost Explorer takes it."""
        only: list[dict[str, Any]] = [
            {"Tags": {"Key": f"jsk:{name}", "Values": [value], "MatchOptions": ["EQUALS"]}}
            for name, value in self.tags
        ]
        tagged = {"Not": {"Tags": {"Key": "jsk:squad", "MatchOptions": ["ABSENT"]}}}
        split = [{"Type": "TAG", "Key": f"jsk:{self.by}"}, _KINDS[0]] if self.by else list(_KINDS)
        return {
            "TimePeriod": {"Start": self.start.isoformat(), "End": self.end.isoformat()},
            "Granularity": "DAILY",
            "Metrics": ["UnblendedCost", "UsageQuantity"],
            "Filter": {"And": [*(only or [tagged]), {"Not": _NOT_SPENT}]},
            "GroupBy": split,
        }


@dataclass(frozen=True, slots=True)
class Line:
    """What one day, and one pair of what is told apart, cost.

    Parameters
    ----------
    day
        In UTC.
    first, second
        Service and usage type; or a tag's value and the service.
    cost
        In the currency of the answer.
    quantity, unit
        How much was used, such as hours.
    """

    day: dt.date
    first: str
    second: str
    cost: Decimal
    quantity: Decimal
    unit: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What Cost Explorer said.

    Parameters
    ----------
    lines
        What cost something.
    estimated
        Days whose costs may still change.
    days
        All days.
    currency
        Of the costs.
    asked
        When.
    requests
        How many were made for it just now; none if it was known.
    kept
        Whether it is known from now on.
    """

    lines: list[Line]
    estimated: frozenset[dt.date]
    days: tuple[dt.date, ...]
    currency: str
    asked: dt.datetime
    requests: int
    kept: bool = True


def ask(question: Question, answers: Answers, *, profile: str = "", fresh: bool = False) -> Answer:
    """Return what was spent: as known from before for some hours, or asked now.

    Parameters
    ----------
    question
        What.
    answers
        Those from before.
    profile
        AWS profile.
    fresh
        Whether to ask now in any case.

    Raises
    ------
    AccountError
        If Cost Explorer refuses or does not answer.
    """
    request = question.request()
    key = {"costs": request, "account": _account(profile)}
    now = dt.datetime.now(dt.UTC)
    before = None if fresh else answers.recall(key)
    if before and dt.timedelta() <= before.age(now) < FRESH:
        # A file that somebody, or a disk, has changed is no reason to fail: it is asked for again.
        with suppress(ArithmeticError, AttributeError, KeyError, TypeError, ValueError):
            return _read(before.value, before.asked, 0)
    pages = _pages(request, profile)
    kept = answers.keep(key, pages, now)
    return replace(_read(pages, now, len(pages)), kept=kept)


def _pages(request: Mapping[str, Any], profile: str) -> list[list[dict[str, Any]]]:
    client = connect("ce", region=_region(profile), profile=profile)
    pages: list[list[dict[str, Any]]] = []
    more: dict[str, str] = {}
    while True:
        try:
            with explained("telling costs (ce:GetCostAndUsage)"):
                page = client.get_cost_and_usage(**request, **more)
        except AccountError as error:
            error.hint = _hint(error) or error.hint
            if pages:
                error.kept = f"Nothing; {len(pages)} requests were made, each of ${REQUEST}."
            raise
        pages.append(page.get("ResultsByTime", []))
        if not page.get("NextPageToken"):
            return pages
        more = {"NextPageToken": page["NextPageToken"]}


def _region(profile: str) -> str:
    """Return a region for a service that has one address a partition."""
    region = region_of(profile)
    return region if region.startswith("cn-") else "us-east-1"


def _hint(error: JskError) -> str:
    if "historical data" in error.what:
        return "jsk costs --since 365d    # Cost Explorer keeps 14 months"
    return {
        "DataUnavailableException": "Cost Explorer gathers data for a day after it was first opened: "
        "AWS console, Billing, Cost Explorer.",
        "RequestChangedException": "Costs were brought up to date while they were read: jsk costs --fresh",
    }.get(code_of(error.__cause__), "")


def _account(profile: str) -> str:
    """Return whose costs these are, so that no other account's answer is taken; asking is free."""
    client = connect("sts", region=_region(profile), profile=profile, attempts=2)
    try:
        with explained("telling who asks (sts:GetCallerIdentity)"):
            return str(client.get_caller_identity()["Account"])
    except AccountError as error:
        if code_of(error.__cause__):
            raise
        return f"profile {profile}"  # no way to STS from here


def _read(pages: list[list[dict[str, Any]]], asked: dt.datetime, requests: int) -> Answer:
    lines: list[Line] = []
    estimated: set[dt.date] = set()
    days: dict[dt.date, None] = {}
    currency = "USD"
    for told in (day for page in pages for day in page):
        day = dt.date.fromisoformat(told["TimePeriod"]["Start"])
        days[day] = None
        if told.get("Estimated"):
            estimated.add(day)
        for group in told.get("Groups", ()):
            first, second = (_value(key) for key in group["Keys"])
            cost, used = group["Metrics"]["UnblendedCost"], group["Metrics"].get("UsageQuantity", {})
            currency = cost.get("Unit", currency)
            quantity = Decimal(used.get("Amount", "0"))
            lines.append(
                Line(day, first, second, Decimal(cost["Amount"]), quantity, str(used.get("Unit", "")))
            )
    return Answer(lines, frozenset(estimated), tuple(sorted(days)), currency, asked, requests)


def _value(key: str) -> str:
    """Return the value of a tag, which comes as ``jsk:squad$vision``; services and usage types as they are.

    Examples
    --------
    >>> _value("jsk:squad$vision"), _value("jsk:squad$"), _value("Amazon SageMaker")
    ('vision', '', 'Amazon SageMaker')
    """
    return key.partition("$")[2] if key.startswith("jsk:") else key
