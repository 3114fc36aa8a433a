"""`@experiment.track`: a trial covers the work of a call, whatever kind of function it is."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import AsyncIterator, Generator, Iterator

import pytest

from jsk_saver.tracking import Experiment


def status(experiment: Experiment) -> str:
    (known,) = experiment.trials()
    return known.status


def test_the_trial_of_a_coroutine_lasts_until_it_returns(experiment: Experiment) -> None:
    @experiment.track
    async def train(k: int) -> dict[str, float]:
        await asyncio.sleep(0)
        assert status(experiment) == "running"
        trial = Experiment.current()
        assert trial is not None
        trial.log_metric("inside", 1.0)
        return {"loss": k / 2}

    assert inspect.iscoroutinefunction(train)
    waiting = train(4)
    assert experiment.trials() == []
    assert asyncio.run(waiting) == {"loss": 2.0}
    (known,) = experiment.trials()
    assert (known.status, known.params) == ("completed", {"k": 4})
    assert {name: metric.last for name, metric in known.metrics.items()} == {"inside": 1.0, "loss": 2.0}


def test_coroutines_at_once_have_a_trial_each(experiment: Experiment) -> None:
    @experiment.track
    async def train(k: int) -> None:
        for step in range(3):
            await asyncio.sleep(0)
            trial = Experiment.current()
            assert trial is not None
            trial.log_metric("k", k, step)

    async def everyone() -> None:
        await asyncio.gather(*map(train, range(3)))

    asyncio.run(everyone())
    found = {
        known.params["k"]: (known.metrics["k"].min, known.metrics["k"].count) for known in experiment.trials()
    }
    assert found == {0: (0.0, 3), 1: (1.0, 3), 2: (2.0, 3)}
    assert {known.parent for known in experiment.trials()} == {""}


def test_a_coroutine_that_fails_or_is_cancelled_says_so(experiment: Experiment) -> None:
    @experiment.track
    async def train(wait: float) -> None:
        await asyncio.sleep(wait)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        asyncio.run(train(0))

    async def cancelled() -> None:
        task = asyncio.create_task(train(60))
        await asyncio.sleep(0)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancelled())
    failed, stopped = sorted(experiment.trials(), key=lambda known: known.params["wait"])
    assert (failed.status, stopped.status) == ("failed", "stopped")
    assert "ValueError: no" in failed.error
    assert stopped.error == "CancelledError"


def test_the_trial_of_a_generator_lasts_from_its_first_item_to_its_last(experiment: Experiment) -> None:
    @experiment.track
    def train(steps: int) -> Generator[int, str, dict[str, float]]:
        told = []
        for step in range(steps):
            told.append((yield step))
            trial = Experiment.current()
            assert trial is not None
            trial.log_metric("loss", float(step))
        assert told == ["a", None]
        return {"best": 0.5}

    assert inspect.isgeneratorfunction(train)
    items = train(2)
    assert experiment.trials() == []
    assert next(items) == 0
    assert status(experiment) == "running"
    with experiment.trial("beside"):
        assert items.send("a") == 1
        with pytest.raises(StopIteration) as done:
            next(items)
        current = Experiment.current()
        assert current is not None
        assert current.name == "beside"
    assert done.value.value == {"best": 0.5}
    tracked, beside = sorted(experiment.trials(), key=lambda known: known.name)
    assert (tracked.status, tracked.metrics["loss"].count) == ("completed", 2)
    assert tracked.metrics["best"].last == 0.5
    assert (beside.parent, beside.metrics) == ("", {})


def test_a_generator_that_is_closed_is_stopped_and_one_that_raises_has_failed(experiment: Experiment) -> None:
    closed = []

    @experiment.track
    def train(good: bool) -> Iterator[int]:
        try:
            yield 1
        except KeyError:
            yield 2
        finally:
            closed.append(good)
        if not good:
            raise ValueError("no")

    items = train(True)
    next(items)
    assert items.throw(KeyError("told")) == 2  # type: ignore[attr-defined]
    items.close()  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="no"):
        list(train(False))
    assert closed == [True, False]
    assert {known.params["good"]: known.status for known in experiment.trials()} == {
        True: "stopped",
        False: "failed",
    }


def test_the_trial_of_an_asynchronous_generator_lasts_as_long_as_it(experiment: Experiment) -> None:
    @experiment.track
    async def train(steps: int) -> AsyncIterator[int]:
        for step in range(steps):
            await asyncio.sleep(0)
            trial = Experiment.current()
            assert trial is not None
            trial.log_metric("loss", float(step))
            yield step

    async def take(steps: int, most: int) -> list[int]:
        found = []
        items = train(steps)
        async for item in items:
            assert Experiment.current() is None or Experiment.current().status == "running"  # type: ignore[union-attr]
            found.append(item)
            if len(found) == most:
                await items.aclose()  # type: ignore[attr-defined]
        return found

    assert inspect.isasyncgenfunction(train)
    assert asyncio.run(take(3, 9)) == [0, 1, 2]
    assert asyncio.run(take(5, 2)) == [0, 1]
    found = {
        known.params["steps"]: (known.status, known.metrics["loss"].count) for known in experiment.trials()
    }
    assert found == {3: ("completed", 3), 5: ("stopped", 2)}


def test_objects_and_partial_functions_are_tracked_too(experiment: Experiment) -> None:
    class Train:
        async def __call__(self, k: int) -> dict[str, int]:
            await asyncio.sleep(0)
            return {"loss": k}

    assert asyncio.run(experiment.track(Train())(2)) == {"loss": 2}
    halve = functools.partial(lambda whole, parts: whole / parts, parts=2)
    assert experiment.track(halve)(5) == 2.5
    assert [known.params for known in experiment.trials()] == [{"k": 2}, {"whole": 5, "parts": 2}]
    assert [known.status for known in experiment.trials()] == ["completed", "completed"]


@pytest.mark.parametrize(
    ("error", "ends"),
    [
        (SystemExit(), "completed"),
        (SystemExit(0), "completed"),
        (SystemExit(3), "failed"),
        (SystemExit("bad arguments"), "failed"),
        (KeyboardInterrupt(), "stopped"),
        (asyncio.CancelledError(), "stopped"),
        (GeneratorExit(), "stopped"),
        (ValueError("no"), "failed"),
    ],
    ids=repr,
)
def test_a_trial_ends_as_its_work_does(experiment: Experiment, error: BaseException, ends: str) -> None:
    with pytest.raises(type(error)), experiment.trial():
        raise error
    (known,) = experiment.trials()
    assert known.status == ends
    assert (known.error == "") == (ends == "completed")


def test_a_trial_in_a_generator_that_is_forgotten_is_stopped(experiment: Experiment) -> None:
    def work() -> Iterator[int]:
        with experiment.trial("forgotten"):
            yield 1

    async def begin() -> Iterator[int]:
        items = work()
        next(items)
        return items

    items = asyncio.run(begin())  # in a context of its own
    items.close()  # type: ignore[attr-defined]
    assert experiment["forgotten"].status == "stopped"
