"""What a sink is: somewhere trials are copied to, after the journal has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from jsk_saver.errors import JskError

#: What to type to try at once what is tried again anyway.
SYNC = "jsk trials sync"


class Logged(NamedTuple):
    """One point of a metric, by name."""

    metric: str
    step: int
    time: float
    value: float


def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Batch:
    """What is to be sent next about one trial.

    Parameters
    ----------
    experiment
        ``name``, ``description``, ``tags``.
    trial
        The trial's name.
    folder
        Its folder in the journal, where the files that events name are.
    events
        In order, without the names of metrics. An ``end`` comes only when all that its writer logged has
        been sent or is in this batch; that of a trial whose process died has the status ``lost``.
    points
        In order; see ``MOST_POINTS``.
    again
        Whether this very batch may have been sent before, wholly or in part, by a process that died or lost
        the answer. Then the sink looks what has arrived: nothing may be there twice.
    keep
        Writes the sink's memory to the disk now, for a sink that sends a batch in parts.
    earlier
        Returns the points that were sent before this batch, for a sink that can only count what has arrived.
    """

    experiment: dict[str, Any]
    trial: str
    folder: str
    events: list[dict[str, Any]] = field(default_factory=list)
    points: list[Logged] = field(default_factory=list)
    again: bool = False
    keep: Callable[[], None] = _nothing
    earlier: Callable[[], Iterable[Logged]] = tuple

    def of(self, kind: str) -> Iterator[dict[str, Any]]:
        """Yield the events of a kind."""
        return (event for event in self.events if event["kind"] == kind)


@dataclass(slots=True)
class Refusals:
    """What a sink will never take, and why: told by ``jsk trials status``, kept in the journal."""

    items: list[dict[str, str]] = field(default_factory=list)

    def add(self, what: str, why: str) -> None:
        """Note one thing, once."""
        item = {"what": what, "why": why}
        if item not in self.items:
            self.items.append(item)


class SinkDown(JskError):
    """A sink cannot be reached, is throttled or refuses for now; what was to be sent is tried again.

    Parameters
    ----------
    what
        What happened.
    wait
        Seconds that the server asked to wait; None where it did not say.
    only_this
        Whether it is about this trial alone: then others are still sent.
    reopen
        Whether the sink is to be opened anew before it is tried again, as with credentials that expired.
    """

    def __init__(
        self,
        what: str,
        *,
        wait: float | None = None,
        only_this: bool = False,
        reopen: bool = False,
        kept: str = "",
        hint: str = "",
    ) -> None:
        super().__init__(what, kept=kept or "All of it, in the journal.", hint=hint or SYNC)
        self.wait, self.only_this, self.reopen = wait, only_this, reopen


class Sink(Protocol):
    """Takes batches of one trial after another; one process at a time sends to a sink about a trial.

    One for which few large batches are better than many small ones may have a method ``rest(trial: Path) ->
    float``: seconds between two batches of a trial that still runs.
    """

    #: As it stands in the settings: ``sagemaker``, ``mlflow:http://…``, ``store``.
    address: str
    #: Points that one batch may hold.
    most_points: int

    def send(self, batch: Batch, memory: dict[str, Any], refused: Refusals) -> None:
        """Send a batch.

        Parameters
        ----------
        batch
            What to send.
        memory
            What this sink wants to remember about this trial, such as its identifier there: JSON, kept with
            the position. What is changed in it is kept even when sending fails.
        refused
            Takes note of what the sink will never take, such as a text over its limit.

        Raises
        ------
        SinkDown
            If it should be tried again later. Whatever else is raised counts as that too.
        """

    def close(self) -> None:
        """Let go of connections."""
