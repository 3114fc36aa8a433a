"""Functions whose calls are trials: plain ones, coroutines, generators and asynchronous generators."""

from __future__ import annotations

import functools
import inspect
import numbers
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from jsk_saver.tracking import active

if TYPE_CHECKING:
    from jsk_saver.tracking.experiment import Experiment
    from jsk_saver.tracking.trial import Trial

_Function = TypeVar("_Function", bound=Callable[..., Any])


def tracked(experiment: Experiment, function: _Function) -> _Function:
    """Make each call of a function a trial; see :meth:`jsk_saver.Experiment.track`."""
    call = _WRAPPERS[_kind(function)](_Calls(experiment, function))
    return functools.wraps(function)(call)  # type: ignore[return-value]


class _Calls:
    """Begins a trial for a call, and ends it.

    Parameters
    ----------
    experiment
        Whose trials.
    function
        What is called.
    """

    def __init__(self, experiment: Experiment, function: Callable[..., Any]) -> None:
        self.experiment, self.function = experiment, function
        self._signature = inspect.signature(function)
        self._name = getattr(function, "__qualname__", None) or repr(function)

    @contextmanager
    def trial(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Trial]:
        """Begin a trial, and end it after the block; within, it is not the current one by itself."""
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        trial = self.experiment.trial(links={"function": self._name})
        try:
            trial.log_arguments(bound.arguments)
            yield trial
        except BaseException as error:
            trial.finish_after(error)
            raise
        trial.finish()


def _log(trial: Trial, result: Any) -> Any:
    if isinstance(result, Mapping):
        trial.log_metrics({name: value for name, value in result.items() if _is_number(value)})
    return result


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real)


def _plain(calls: _Calls) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        with calls.trial(args, kwargs) as trial, active.inside(trial):
            return _log(trial, calls.function(*args, **kwargs))

    return call


def _coroutine(calls: _Calls) -> Callable[..., Any]:
    async def call(*args: Any, **kwargs: Any) -> Any:
        with calls.trial(args, kwargs) as trial, active.inside(trial):
            return _log(trial, await calls.function(*args, **kwargs))

    return call


def _generator(calls: _Calls) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        with calls.trial(args, kwargs) as trial:
            inner = calls.function(*args, **kwargs)
            step: Callable[[], Any] = functools.partial(next, inner)
            while True:
                try:
                    with active.inside(trial):  # whoever takes the items is not part of it
                        item = step()
                except StopIteration as done:
                    return _log(trial, done.value)
                try:
                    sent = yield item
                except GeneratorExit:
                    with active.inside(trial):
                        inner.close()
                    raise
                except BaseException as error:
                    step = functools.partial(inner.throw, error)
                else:
                    step = functools.partial(inner.send, sent)

    return call


def _async_generator(calls: _Calls) -> Callable[..., Any]:
    async def call(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        with calls.trial(args, kwargs) as trial:
            inner = calls.function(*args, **kwargs)
            step: Callable[[], Any] = inner.__anext__
            while True:
                try:
                    with active.inside(trial):
                        item = await step()
                except StopAsyncIteration:
                    return
                try:
                    sent = yield item
                except GeneratorExit:
                    with active.inside(trial):
                        await inner.aclose()
                    raise
                except BaseException as error:
                    step = functools.partial(inner.athrow, error)
                else:
                    step = functools.partial(inner.asend, sent)

    return call


_WRAPPERS: dict[str, Callable[[_Calls], Callable[..., Any]]] = {
    "plain": _plain,
    "coroutine": _coroutine,
    "generator": _generator,
    "async generator": _async_generator,
}


def _kind(function: Any) -> str:
    """Return how the work of a call is done: at once, when it is awaited, or item by item."""
    its_call = None if isinstance(function, type) else getattr(function, "__call__", None)  # noqa: B004
    for known in (function, its_call):
        if inspect.iscoroutinefunction(known):
            return "coroutine"
        if inspect.isasyncgenfunction(known):
            return "async generator"
        if inspect.isgeneratorfunction(known):
            return "generator"
    return "plain"
