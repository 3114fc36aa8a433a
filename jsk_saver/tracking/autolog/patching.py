"""Methods and functions that tell when they are called, and are put back exactly as they were.

What an estimator does is not altered: its method runs with the arguments it was given, and what it returns
or raises goes to the caller. Only the outermost call counts: a search fits dozens of estimators, a pipeline
each of its steps, and none of them is what the user called.
"""

from __future__ import annotations

import functools
import operator
import os
import sys
import threading
import types
from collections.abc import Callable, Iterator
from typing import Any, Protocol

_depth = threading.local()


class Observer(Protocol):
    """Told of each call, before and after it; must not raise."""

    def before(self, call: Call) -> None:
        """Take note that a call begins."""

    def after(self, call: Call, result: Any) -> None:
        """Take note of what it returned."""

    def failed(self, call: Call, error: BaseException) -> None:
        """Take note of what it raised."""


class Call:
    """A call of an observed method or function.

    Parameters
    ----------
    what
        ``fit``, ``score``, … or the name of a function.
    function
        What is called.
    target
        The estimator; None for a function.
    args, kwargs
        The other arguments.
    """

    __slots__ = ("args", "function", "kept", "kwargs", "target", "trials", "what")

    def __init__(
        self, what: str, function: Callable[..., Any], target: Any, args: Any, kwargs: dict[str, Any]
    ) -> None:
        self.what, self.function, self.target, self.args, self.kwargs = what, function, target, args, kwargs
        #: What each observer wants to remember from before to after, and the trials it is logged to.
        self.kept: dict[Any, Any] = {}
        self.trials: list[Any] = []


def _observe(what: str, function: Callable[..., Any], target: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Call a function, and tell about it if it is the outermost one of those that are observed."""
    call_it = function if target is None else functools.partial(function, target)
    if getattr(_depth, "value", 0) or not _observers or _pid != os.getpid() or _in_worker():
        return call_it(*args, **kwargs)
    _depth.value = 1
    try:
        call = Call(what, function, target, args, kwargs)
        observers = list(_observers)
        for observer in observers:
            observer.before(call)
        try:
            result = call_it(*args, **kwargs)
        except BaseException as error:
            for observer in observers:
                observer.failed(call, error)
            raise
        for observer in observers:
            observer.after(call, result)
        return result
    finally:
        _depth.value = 0


def _in_worker() -> bool:
    """Tell whether scikit-learn itself has called, in one of its workers, which may be threads."""
    worker = getattr(sys.modules.get("sklearn.utils.parallel"), "_FuncWrapper", object)
    code = getattr(vars(worker).get("__call__"), "__code__", None)
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code is code:
            return True
        frame = frame.f_back
    return False


# What is replaced ------------------------------------------------------------------------------------

METHODS = ("fit", "fit_transform", "fit_predict", "score")
#: Of ``sklearn.model_selection``, beside all of ``sklearn.metrics``.
FUNCTIONS = ("cross_val_score", "cross_validate", "cross_val_predict")
_observers: list[Observer] = []
_undo: list[Callable[[], None]] = []
_lock = threading.RLock()
_pid = 0


def add(observer: Observer) -> None:
    """Have an observer told, until it is removed; the first one has everything replaced."""
    global _pid
    with _lock:
        _observers.append(observer)
        _pid = os.getpid()
        if len(_observers) == 1:
            try:
                _replace()
            except BaseException:
                remove(observer)
                raise


def is_on() -> bool:
    """Tell whether anybody is told."""
    return bool(_observers)


def remove(observer: Observer) -> None:
    """Tell an observer no more; the last one has everything put back."""
    with _lock:
        if observer not in _observers:
            return
        _observers.remove(observer)
        if not _observers:
            while _undo:
                _undo.pop()()


def _replace() -> None:
    from sklearn.base import BaseEstimator

    for kind in _below(BaseEstimator):
        _replace_methods(kind)
    _watch_new_classes(BaseEstimator)
    _watch_returned(BaseEstimator)
    import sklearn.metrics
    import sklearn.model_selection

    observed = [(sklearn.metrics, name) for name in sklearn.metrics.__all__]
    observed += [(sklearn.model_selection, name) for name in FUNCTIONS]
    for module, name in observed:
        function = getattr(module, name, None)
        if isinstance(function, types.FunctionType):
            _replace_inside(name, function)


def _below(kind: type) -> Iterator[type]:
    """Yield the bases that have methods, the class and all that are derived from it, once each."""
    seen: set[type] = set()
    waiting = [kind]
    while waiting:
        one = waiting.pop()
        for place in one.__mro__:
            if place not in seen and place is not object:
                seen.add(place)
                yield place
        waiting += type.__subclasses__(one)


def _replace_methods(kind: type) -> None:
    for name in METHODS:
        original = vars(kind).get(name)
        if original is None or getattr(original, "_jsk_observed", False):
            continue
        if isinstance(original, types.FunctionType):
            replaced: Any = _Method(name, original)
        elif hasattr(type(original), "__get__") and not isinstance(original, classmethod | staticmethod):
            replaced = _Descriptor(name, original)
        else:
            continue
        try:
            setattr(kind, name, replaced)
        except (AttributeError, TypeError):  # a class that cannot be changed
            continue
        _undo.append(functools.partial(_put_back, kind, name, replaced, original))


def _put_back(kind: type, name: str, replaced: Any, original: Any) -> None:
    if vars(kind).get(name) is replaced:  # and not something that somebody else has put there since
        setattr(kind, name, original)


class _Replacement:
    """Stands in a class for what was there.

    A class of a notebook goes to workers whole, with what is in it: of this, only what was there goes.
    """

    _jsk_observed = True

    def __init__(self, name: str, original: Any) -> None:
        self._name, self._original = name, original
        self.__doc__ = getattr(original, "__doc__", None)

    def __reduce__(self) -> tuple[Any, ...]:
        return operator.itemgetter(0), ((self._original,),)


class _Method(_Replacement):
    """Stands for a method; who asks the class for it gets a function, as scikit-learn expects."""

    def __init__(self, name: str, original: types.FunctionType) -> None:
        super().__init__(name, original)

        @functools.wraps(original)
        def observed(self: Any, *args: Any, **kwargs: Any) -> Any:
            return _observe(name, original, self, args, kwargs)

        self._observed: Any = observed

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self._observed.__get__(instance, owner)


class _Descriptor(_Replacement):
    """Stands for a method that is there only for some instances, as ``Pipeline.fit_transform``."""

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        found = self._original.__get__(instance, owner)  # raises AttributeError where it is not there
        if instance is None:
            return found
        name = self._name

        @functools.wraps(found)
        def observed(*args: Any, **kwargs: Any) -> Any:
            return _observe(name, _Bound(found), instance, args, kwargs)

        return observed


class _Bound:
    """A bound method that is called with its instance like a function."""

    def __init__(self, method: Callable[..., Any]) -> None:
        self._method = method
        functools.update_wrapper(self, method)

    def __call__(self, _: Any, *args: Any, **kwargs: Any) -> Any:
        return self._method(*args, **kwargs)


def _watch_new_classes(base: Any) -> None:
    """Replace the methods of classes that are made from now on: modules imported later, the user's own."""
    before = vars(base).get("__init_subclass__")

    def begin(cls: type, /, **options: Any) -> None:
        super(base, cls).__init_subclass__(**options)
        with _lock:
            if _observers:
                _replace_methods(cls)

    base.__init_subclass__ = classmethod(begin)

    def undo() -> None:
        if before is None:
            del base.__init_subclass__
        else:
            base.__init_subclass__ = before

    _undo.append(undo)


def _watch_returned(base: Any) -> None:
    """Replace once more what comes back from a worker, where it was the original.

    An estimator of a class of a notebook brings that class along, and its methods with it.
    """
    original = vars(base).get("__setstate__")
    if original is None:
        return

    @functools.wraps(original)
    def take(self: Any, state: Any) -> None:
        original(self, state)
        with _lock:
            if _observers:
                _replace_methods(type(self))

    base.__setstate__ = take
    _undo.append(functools.partial(_put_back, base, "__setstate__", take, original))


def _replace_inside(name: str, function: types.FunctionType) -> None:
    """Replace what a decorated function of ``sklearn.metrics`` calls.

    ``from sklearn.metrics import accuracy_score`` may have been said before; to replace the function in the
    module would not reach that. Its decorator (``validate_params``) keeps the real function in a cell.
    """
    free = function.__code__.co_freevars
    if "func" not in free or function.__closure__ is None:
        return
    cell = function.__closure__[free.index("func")]
    original = cell.cell_contents
    if not isinstance(original, types.FunctionType) or getattr(original, "_jsk_observed", False):
        return

    @functools.wraps(original)
    def observed(*args: Any, **kwargs: Any) -> Any:
        return _observe(name, original, None, args, kwargs)

    observed._jsk_observed = True  # type: ignore[attr-defined]
    cell.cell_contents = observed

    def undo() -> None:
        if cell.cell_contents is observed:
            cell.cell_contents = original

    _undo.append(undo)
