"""Lambda's Invoke, as far as the publisher is asked by hand: the real function, behind the real API.

moto runs functions in containers, which need a Docker engine and Amazon's images. What is asked and answered
is that of botocore's model (``lambda``, ``Invoke``): the path, the payload, and the header that
says that the function failed, with ``errorMessage`` and ``errorType`` as Lambda's Python runtime writes them.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from tests.servers.threaded import Threaded


class Lambda(Threaded):
    """An account with one function.

    Parameters
    ----------
    name
        Of the function.
    function
        What it does with an event.
    """

    def __init__(self, name: str, function: Callable[[Mapping[str, Any]], Any]) -> None:
        self.name, self.function = name, function
        self.asked: list[dict[str, Any]] = []
        #: Errors that are answered before the function is called: status, code.
        self.refusals: list[tuple[int, str]] = []
        self.turn = threading.Lock()
        server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        server.stand_in = self  # type: ignore[attr-defined]
        super().__init__(server)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        here: Lambda = self.server.stand_in  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        name = unquote(self.path.removeprefix("/2015-03-31/functions/").removesuffix("/invocations"))
        if here.refusals:
            self._say(here.refusals[0][0], {"Message": "refused"}, error=here.refusals.pop(0)[1])
        elif name not in (here.name, f"arn:aws:lambda:us-east-1:123456789012:function:{here.name}"):
            self._say(404, {"Message": f"Function not found: {name}"}, error="ResourceNotFoundException")
        else:
            self._call(here, json.loads(body))

    def _call(self, here: Lambda, event: dict[str, Any]) -> None:
        here.asked.append(event)
        with here.turn:
            try:
                self._say(200, here.function(event))
            except Exception as error:
                told = {"errorMessage": str(error), "errorType": type(error).__name__}
                self._say(200, told, failed="Unhandled")

    def _say(self, status: int, content: Any, *, error: str = "", failed: str = "") -> None:
        body = json.dumps(content, default=str).encode()
        self.send_response(status)
        for header, value in (("x-amzn-ErrorType", error), ("X-Amz-Function-Error", failed)):
            if value:
                self.send_header(header, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Say nothing."""
