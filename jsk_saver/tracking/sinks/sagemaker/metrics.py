"""Metric points, ten at a time, each once: ``BatchPutMetrics``."""

from __future__ import annotations

import datetime as dt
import math
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from jsk_saver.tracking.sinks.base import Batch, Logged, Refusals, SinkDown
from jsk_saver.tracking.sinks.sagemaker import limits
from jsk_saver.tracking.sinks.sagemaker.client import explained, nothing_was_done

_WHY = {
    "METRIC_LIMIT_EXCEEDED": f"All {limits.COMPONENTS} trial components that this trial is spread over have "
    "as many metrics as SageMaker takes (METRIC_LIMIT_EXCEEDED)",
    "VALIDATION_ERROR": "SageMaker answered VALIDATION_ERROR",
}
_LAST_TIME = 253_402_300_799.0  # the end of the year 9999


class Metrics:
    """Sends points of one trial after another.

    What has arrived is remembered after every call, so that a crash, or an answer that got lost, leaves at
    most ten points in doubt. For those SageMaker's own count of each metric is compared with what was sent.

    Parameters
    ----------
    client
        boto3's client of SageMaker Metrics; it must not try again by itself, which would send points twice.
    counts
        Returns SageMaker's count of points, by metric, of all components of the trial at hand.
    settle
        Seconds that SageMaker may take to count what has arrived.
    """

    def __init__(
        self, client: Any, counts: Callable[[dict[str, Any]], dict[str, int]], settle: float
    ) -> None:
        self._client, self._counts, self._settle = client, counts, settle

    def send(
        self,
        batch: Batch,
        memory: dict[str, Any],
        refused: Refusals,
        component: Callable[[int], str],
    ) -> None:
        """Send the points of a batch.

        Parameters
        ----------
        batch, memory, refused
            As for the sink.
        component
            Returns the name of the trial's component of a number, which it makes sure of.

        Once the whole batch has been sent, :func:`forget` what is remembered about it.
        """
        points = accepted(batch.points, refused)
        left = [at for at in memory.get("left", range(len(points))) if at < len(points)]
        if (batch.again and not memory.get("sure")) or memory.get("recover"):
            left = self._missing(batch, memory, points, left)
        while left:
            memory.pop("sure", None)
            memory["left"], memory["at"] = left, time.time()
            batch.keep()
            done = self._call(points, left, memory, refused, component)
            left = [at for at in left if at not in done]
        memory["left"], memory["sure"] = [], True

    def _call(
        self,
        points: list[Logged],
        left: list[int],
        memory: dict[str, Any],
        refused: Refusals,
        component: Callable[[int], str],
    ) -> set[int]:
        """Send up to ten points of one component; return which need not be sent again."""
        placed: dict[str, int] = memory.get("metrics", {})
        number = placed.get(points[left[0]].metric, 0)
        chosen = [at for at in left if placed.get(points[at].metric, 0) == number][: limits.POINTS]
        name = component(number)
        try:
            with explained("metrics"):
                answer = self._client.batch_put_metrics(
                    TrialComponentName=name, MetricData=[_said(points[at]) for at in chosen]
                )
        except SinkDown as error:
            memory["sure"] = nothing_was_done(error.__cause__)
            raise
        errors = {error.get("MetricIndex", 0): error.get("Code", "") for error in answer.get("Errors") or []}
        done = {at for index, at in enumerate(chosen) if index not in errors}
        for index, code in errors.items():
            at = chosen[index]
            if code == "METRIC_LIMIT_EXCEEDED" and self._move(points[at].metric, number, memory):
                continue
            if code in ("METRIC_LIMIT_EXCEEDED", "VALIDATION_ERROR"):
                _refuse(points[at], _WHY[code], refused)
                done.add(at)
        moved = any(code == "METRIC_LIMIT_EXCEEDED" for code in errors.values())
        if not done and not moved:
            memory["sure"] = True
            raise SinkDown(f"SageMaker did not take metrics now: {', '.join(sorted(set(errors.values())))}.")
        return done

    def _move(self, metric: str, number: int, memory: dict[str, Any]) -> bool:
        """Give a metric that its component has no room for to the next one."""
        if number + 1 >= limits.COMPONENTS:
            return False
        memory.setdefault("metrics", {})[metric] = number + 1
        return True

    def _missing(
        self, batch: Batch, memory: dict[str, Any], points: list[Logged], left: list[int]
    ) -> list[int]:
        """Return which of the points left have not arrived."""
        if not left:
            return left
        still = set(left)
        sent = Counter(point.metric for point in accepted(batch.earlier(), Refusals()))
        sent.update(point.metric for at, point in enumerate(points) if at not in still)
        arrived = Counter(self._counts(memory))
        arrived.subtract(sent)
        missing = []
        for at in left:
            if arrived[points[at].metric] > 0:
                arrived[points[at].metric] -= 1
            else:
                missing.append(at)
        if missing and memory.pop("recover", False):
            return missing
        now = time.time()
        waited = now - memory.setdefault("at", now)
        if missing and 0 <= waited < self._settle:
            raise SinkDown(
                "Whether the last metrics arrived is asked once more when SageMaker has counted them.",
                wait=self._settle - waited,
                only_this=True,
            )
        return missing


def forget(memory: dict[str, Any]) -> None:
    """Forget what was remembered about a batch: it is there."""
    for name in ("left", "sure", "at"):
        memory.pop(name, None)


def accepted(points: Iterable[Logged], refused: Refusals) -> list[Logged]:
    """Return the points that SageMaker takes."""
    taken = []
    for point in points:
        if not math.isfinite(point.value):
            _refuse(point, "nan or infinite; SageMaker's metrics are finite numbers", refused)
        elif not 0 <= point.step <= limits.STEP:
            _refuse(point, f"SageMaker's steps are 0 to {limits.STEP:,}", refused)
        elif not 0 <= point.time <= _LAST_TIME:
            _refuse(point, "SageMaker's times are of the years 1970 to 9999", refused)
        else:
            taken.append(point)
    return taken


def _refuse(point: Logged, why: str, refused: Refusals) -> None:
    # Once a metric, not once a point: there may be a million.
    refused.add(f"some values of the metric {point.metric!r}", why)


def _said(point: Logged) -> dict[str, Any]:
    return {
        "MetricName": point.metric,
        "Timestamp": dt.datetime.fromtimestamp(point.time, dt.UTC),
        "Step": point.step,
        "Value": point.value,
    }
