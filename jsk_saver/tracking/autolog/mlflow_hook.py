"""Hear of it when MLflow's autologging is about to log something, through its own hook for that.

``AutologgingEventLogger`` is made to be replaced; whichever was there goes on hearing everything. MLflow is
imported by nobody but the user: where a trial comes before that, the hook is put in while it is imported.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_MODULE = "mlflow.utils.autologging_utils.events"


#: Is told the flavour (``"sklearn"``), what was called (``"fit"``), and the session that the call belongs to.
Hear = Callable[[str, str, Any], None]


def listen(hear: Hear) -> None:
    """Have a function told of each call that MLflow logs, before it does; once for all."""
    module = sys.modules.get(_MODULE)
    if module is not None and hasattr(module, "AutologgingEventLogger"):
        _put_in(module, hear)
    elif not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder(hear))


@contextmanager
def quiet() -> Iterator[None]:
    """Have MLflow's autologging leave alone what the kit itself computes in the block."""
    module = sys.modules.get("mlflow.utils.autologging_utils")
    disable = getattr(module, "disable_autologging", nullcontext)
    with disable():
        yield


def _put_in(module: ModuleType, hear: Hear) -> None:
    events: Any = module.AutologgingEventLogger
    before = events.get_logger()
    if not isinstance(before, _Ear):
        events.set_logger(_Ear(before, hear))


class _Ear:
    """Hears what MLflow tells, and passes it on."""

    def __init__(self, before: Any, hear: Hear) -> None:
        self._before, self._hear = before, hear

    def log_patch_function_start(self, session: Any, patched: Any, name: str, *args: Any) -> None:
        """Hear that a patched function begins; MLflow has not asked yet which run is active."""
        self._hear(str(session.integration), name, session)
        self._before.log_patch_function_start(session, patched, name, *args)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._before, name)


class _Finder:
    """Finds the module as others do, and has the ear put in once it is there; then it goes."""

    def __init__(self, hear: Hear) -> None:
        self._hear = hear

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        """Return the module's own spec, if it is this one."""
        if name != _MODULE:
            return None
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        loader: Any = None if spec is None else spec.loader
        if loader is None:
            return spec
        execute, hear = loader.exec_module, self._hear

        def and_listen(module: ModuleType) -> None:
            execute(module)
            if hasattr(module, "AutologgingEventLogger"):
                _put_in(module, hear)

        loader.exec_module = and_listen
        return spec
