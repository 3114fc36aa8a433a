"""A proxy that goes wrong on demand, to stand in front of any S3 server of the tests.

>>> with FaultyProxy("http://127.0.0.1:9000") as proxy:
...     proxy.fail_next("PUT", status=503, code="SlowDown", times=3)
...     proxy.cut_next("GET", after=1000)
...     proxy.count("PUT")
0

Point a client at ``proxy.endpoint``. Requests go on unchanged, ``Host`` included, so that signatures stay
valid; each is noted in ``proxy.requests``. Bodies are streamed, never held.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit

from tests.servers.proxy import Act, Cut, Handler, Plan, RelayServer, Request
from tests.servers.threaded import Threaded

__all__ = ["FaultyProxy", "Request"]


@dataclass(slots=True)
class _Kind:
    """A kind of request: ``"*"`` and globs over the path stand for any."""

    method: str
    path: str = "*"
    parameter: str = ""

    def fits(self, request: Request) -> bool:
        return (
            self.method in ("*", request.method)
            and fnmatchcase(request.path, self.path)
            and (not self.parameter or self.parameter in request.query)
        )


@dataclass(slots=True)
class _Fault:
    """What happens to the next ``times`` requests of a kind."""

    kind: _Kind
    times: int
    act: Act


class FaultyProxy(Threaded):
    """A loopback HTTP proxy in front of ``endpoint``.

    Every ``…_next`` method takes ``method`` (``"*"`` for any), ``times``, ``path`` (a glob over the path,
    bucket included) and ``parameter`` (a query parameter that must be there, such as ``partNumber`` or
    ``versions``). One fault strikes a request: the first one ordered that fits and is not used up.

    Parameters
    ----------
    endpoint
        Where requests go on to.
    """

    def __init__(self, endpoint: str) -> None:
        self.requests: list[Request] = []
        self._faults: list[_Fault] = []
        self._lock = threading.Lock()
        server = RelayServer(urlsplit(endpoint), self._note)
        super().__init__(server)

    # What was asked ---------------------------------------------------------------------------------

    def count(self, method: str = "*", path: str = "*", parameter: str = "") -> int:
        """Return how many requests of this kind came since the start, or since :meth:`forget`."""
        kind = _Kind(method, path, parameter)
        with self._lock:
            return sum(kind.fits(request) for request in self.requests)

    def forget(self) -> None:
        """Forget the requests noted so far."""
        with self._lock:
            self.requests.clear()

    def heal(self) -> None:
        """Take back every fault that has not struck yet."""
        with self._lock:
            self._faults.clear()

    # What goes wrong --------------------------------------------------------------------------------

    def fail_next(
        self,
        method: str = "*",
        *,
        status: int,
        code: str,
        message: str = "The proxy was told to fail.",
        headers: Mapping[str, str] | None = None,
        times: int = 1,
        **where: str,
    ) -> None:
        """Answer an S3 error without asking the server."""

        def act(handler: Handler) -> bool:
            handler.answer_error(status, code, message, headers or {})
            return True

        self._order(method, times, where, act)

    def drop_next(self, method: str = "*", *, times: int = 1, **where: str) -> None:
        """Break the connection before the server hears of the request.

        With a large ``times`` the server has gone, until :meth:`heal`.
        """

        def act(handler: Handler) -> bool:
            raise Cut

        self._order(method, times, where, act)

    def cut_next(
        self, method: str = "*", *, after: int = 0, of: str = "response", times: int = 1, **where: str
    ) -> None:
        """Break the connection after ``after`` bytes of the body ``of`` the response or the request.

        With ``of="response"`` the server has done its work: ``after=0`` on a PUT is the answer that gets
        lost. With ``of="request"`` the server sees half an upload.
        """
        self._disturb(method, times, where, **{f"cut_{of}": after})

    def alter_next(
        self, method: str = "*", *, at: int = 0, of: str = "response", times: int = 1, **where: str
    ) -> None:
        """Flip every bit of byte ``at`` of the body ``of`` the response or the request."""
        self._disturb(method, times, where, **{f"alter_{of}": at})

    def delay_next(self, method: str = "*", *, seconds: float, times: int = 1, **where: str) -> None:
        """Wait before going on."""
        self.call_next(method, lambda _: time.sleep(seconds), times=times, **where)

    def call_next(
        self, method: str, do: Callable[[Request], object], *, times: int = 1, **where: str
    ) -> None:
        """Call ``do`` with the request before going on: somebody else's write, just in time."""

        def act(handler: Handler) -> bool:
            do(handler.noted)
            return False

        self._order(method, times, where, act)

    def _disturb(self, method: str, times: int, where: Mapping[str, str], **plan: Any) -> None:
        Plan(**plan)  # a wrong `of` is told here, not in the thread of a request

        def act(handler: Handler) -> bool:
            handler.plan = Plan(**plan)
            return False

        self._order(method, times, where, act)

    def _order(self, method: str, times: int, where: Mapping[str, str], act: Act) -> None:
        fault = _Fault(_Kind(method, **where), times, act)
        with self._lock:
            self._faults.append(fault)

    def _note(self, request: Request) -> Act | None:
        with self._lock:
            self.requests.append(request)
            for fault in self._faults:
                if fault.times > 0 and fault.kind.fits(request):
                    fault.times -= 1
                    return fault.act
        return None
