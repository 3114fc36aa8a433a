"""The sink: one batch of a trial, brought to SageMaker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from jsk_saver.tracking.sinks.base import Batch, Refusals, SinkDown
from jsk_saver.tracking.sinks.sagemaker import limits, naming
from jsk_saver.tracking.sinks.sagemaker.client import connect
from jsk_saver.tracking.sinks.sagemaker.components import Components
from jsk_saver.tracking.sinks.sagemaker.content import Content, content
from jsk_saver.tracking.sinks.sagemaker.metrics import Metrics, forget

#: What is spread over components, and how many one of them takes.
_ROOM = {"parameters": limits.PARAMETERS, "inputs": limits.ARTIFACTS, "outputs": limits.ARTIFACTS}


class SageMakerSink:
    """Copies trials to SageMaker Experiments.

    What it remembers of a trial: ``trial`` (its name there) and ``arn``, ``components`` (how many),
    ``parameters``, ``inputs`` and ``outputs`` (their names, in the order they came: that says which component
    has them), ``metrics`` (component of those that are not on the first), ``status``, and while metrics are
    under way ``left``, ``at``, ``sure``, ``recover``: see :mod:`jsk_saver.tracking.sinks.sagemaker.metrics`.

    Parameters
    ----------
    settings
        Arguments as for :class:`jsk_saver.Saver`; region and profile count.
    settle
        Seconds that SageMaker may take to count points.
    """

    address = "sagemaker"
    most_points = 1_000

    def __init__(self, settings: Mapping[str, Any], *, settle: float = 30.0) -> None:
        self._clients = connect(settings)
        self._components = Components(self._clients[0])
        self._metrics = Metrics(self._clients[1], self._counts, settle)

    def send(self, batch: Batch, memory: dict[str, Any], refused: Refusals) -> None:
        """Send a batch; see :class:`jsk_saver.tracking.sinks.base.Sink`."""
        points_are_sure = not batch.again or bool(memory.get("sure"))
        try:
            self._open(batch, memory, refused)
            found = content(batch, refused)
            # The end is told last: whoever sees it has all that came before.
            ending = Content(status=found.status, ended=found.ended)
            ends = bool(batch.points) and found.ended is not None
            self._update(batch, memory, replace(found, status=None, ended=None) if ends else found, refused)
        except SinkDown:
            if points_are_sure:  # none has been sent
                memory["sure"] = True
            raise
        if batch.points:
            self._metrics.send(batch, memory, refused, lambda number: self._component(batch, memory, number))
        if ends:
            self._update(batch, memory, ending, refused)
        forget(memory)

    def close(self) -> None:
        """Let go of connections."""
        for client in self._clients:
            client.close()

    def _open(self, batch: Batch, memory: dict[str, Any], refused: Refusals) -> None:
        """Make sure that experiment, trial and its first component are there."""
        if "trial" not in memory:
            name = naming.trial_name(batch.experiment["name"], Path(batch.folder))
            self._components.experiment(batch.experiment, refused)
            memory["arn"] = self._components.trial(name, batch.experiment["name"])
            memory["trial"] = name
        self._component(batch, memory, 0)

    def _component(self, batch: Batch, memory: dict[str, Any], number: int) -> str:
        """Return the name of a component, which is there when this returns."""
        for missing in range(memory.get("components", 0), number + 1):
            name = naming.component_name(memory["trial"], missing)
            new = self._components.component(name, naming.display_name(batch.trial, missing), memory["trial"])
            memory["components"] = missing + 1
            if not new:  # sent before by somebody who has forgotten: what is there must be looked at
                memory["recover"] = True
            if missing and memory.get("status"):
                self._components.update(name, Content(status=tuple(memory["status"])))
        return naming.component_name(memory["trial"], number)

    def _update(self, batch: Batch, memory: dict[str, Any], found: Content, refused: Refusals) -> None:
        if found.tags:
            self._components.tag(memory["arn"], found.tags, refused)
        parts = _spread(found, memory, refused)
        if found.status is not None:
            memory["status"] = list(found.status)
            for number in range(memory["components"]):
                parts.setdefault(number, Content())
        for number, part in sorted(parts.items()):
            part.status, part.started, part.ended = found.status, found.started, found.ended
            self._components.update(self._component(batch, memory, number), part)

    def _counts(self, memory: dict[str, Any]) -> dict[str, int]:
        counts: dict[str, int] = {}
        for number in {0, *memory.get("metrics", {}).values()}:
            found = self._components.counts(naming.component_name(memory["trial"], number))
            for metric, count in found.items():
                counts[metric] = counts.get(metric, 0) + count
        return counts


def _spread(found: Content, memory: dict[str, Any], refused: Refusals) -> dict[int, Content]:
    """Return what goes to which component: whatever has its place keeps it, the rest comes after."""
    parts: dict[int, Content] = {}
    for what, room in _ROOM.items():
        order: list[str] = memory.setdefault(what, [])
        places = {key: at for at, key in enumerate(order)}
        for key, value in getattr(found, what).items():
            if key not in places:
                if len(order) >= room * limits.COMPONENTS:
                    refused.add(
                        f"{what.removesuffix('s')} {key[:60]!r}",
                        f"A trial is sent as at most {limits.COMPONENTS} components, and SageMaker takes "
                        f"{room} {what} of each.",
                    )
                    continue
                places[key] = len(order)
                order.append(key)
            getattr(parts.setdefault(places[key] // room, Content()), what)[key] = value
    return parts
