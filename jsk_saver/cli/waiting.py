"""What is to be sent, in as few lines as it has reasons."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from jsk_saver.cli import telling
from jsk_saver.tracking.sinks.standing import Standing
from jsk_saver.wording import count


def grouped(items: Iterable[Standing]) -> list[list[Standing]]:
    """Return them by sink and reason, those that are in the way of most first."""
    found: dict[tuple[str, str], list[Standing]] = {}
    for item in items:
        found.setdefault((item.sink, item.reason), []).append(item)
    return sorted(found.values(), key=len, reverse=True)


def rows(items: Iterable[Standing]) -> list[dict[str, Any]]:
    """Return a line for each sink and reason."""
    found = []
    for group in grouped(items):
        since = [item.since for item in group if item.since]
        found.append(
            {
                "trials": whose(group),
                "sink": telling.public(group[0].sink),
                "events": sum(item.events for item in group),
                "points": sum(item.points for item in group),
                "since": dt.datetime.fromtimestamp(min(since), dt.UTC) if since else "",
                "why": group[0].reason or "Not tried yet, or on the way.",
            }
        )
    return found


def whose(group: list[Standing]) -> str:
    """Return which trials they are: by name if it is one, else how many of which experiments."""
    names = sorted({f"{item.experiment}/{item.trial}" for item in group})
    if len(names) == 1:
        return names[0]
    experiments = sorted({item.experiment for item in group})
    return f"{count(len(names), 'trial')} of {', '.join(experiments)}"


def refusals(items: Iterable[Standing]) -> list[str]:
    """Return a line for each thing that a sink refused, of however many trials."""
    found: dict[tuple[str, str, str], list[Standing]] = {}
    for item in items:
        for refusal in item.refused:
            found.setdefault((item.sink, refusal["what"], refusal["why"]), []).append(item)
    return [
        f"refused  {whose(group)}  {telling.public(sink)}  {what}: {why}"
        for (sink, what, why), group in found.items()
    ]


def left(items: Iterable[Standing]) -> list[str]:
    """Return a line for each sink and reason of what could not be sent."""
    found = []
    for group in grouped(items):
        total = Standing("", "", "", sum(item.events for item in group), sum(item.points for item in group))
        sink = telling.public(group[0].sink)
        found.append(f"waits  {whose(group)}  {telling.amount(total)}  for {sink}: {group[0].reason}")
    return found
