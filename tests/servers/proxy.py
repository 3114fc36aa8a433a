"""Plumbing of :mod:`tests.servers.faults`: an HTTP/1.1 relay whose every step can be disturbed."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit

_BLOCK = 2**18
_WITHOUT_BODY = (204, 304)


@dataclass(slots=True)
class Request:
    """One request that reached the proxy.

    Parameters
    ----------
    method, path, query
        What was asked; ``path`` without the query, as it was encoded.
    headers
        As sent, names in lower case.
    status
        What the client was answered; 0 while it waits, and if the connection was cut before an answer.
    """

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    status: int = 0


@dataclass(slots=True)
class Plan:
    """How one request that does reach the server is disturbed: at which byte of which body."""

    cut_request: int | None = None
    cut_response: int | None = None
    alter_request: int | None = None
    alter_response: int | None = None


class Cut(Exception):
    """The connection ends here, mid-sentence."""


#: What a fault does to a request: answer in the server's place and return True, or let it pass.
Act = Callable[["Handler"], bool]


class RelayServer(ThreadingHTTPServer):
    """Listens on a free loopback port; each connection has a thread of its own.

    Parameters
    ----------
    upstream
        Where requests go on to.
    on_request
        Called with each request; returns the fault that strikes it.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, upstream: SplitResult, on_request: Callable[[Request], Act | None]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.upstream, self.on_request = upstream, on_request

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: broken connections are what the proxy is for."""


class Handler(BaseHTTPRequestHandler):
    """Relays the requests of one connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 2**16
    server: RelayServer
    noted: Request
    plan: Plan

    def handle_one_request(self) -> None:
        """Take one request; a connection that breaks, on either side, is simply the end of it."""
        try:
            super().handle_one_request()
        except (Cut, OSError, HTTPException, ValueError):
            self._break()

    def parse_request(self) -> bool:
        """Keep the path as it was sent: the parent folds leading slashes, which would break signatures."""
        words = self.raw_requestline.decode("latin-1").split()
        understood = super().parse_request()
        if understood:
            self.path = words[1]
        return understood

    def handle_expect_100(self) -> bool:
        """Leave it to :meth:`relay` whether the body is wanted."""
        return True

    def relay(self) -> None:
        """Let a fault strike, or pass the request on and the answer back."""
        address = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        query = parse_qs(address.query, keep_blank_values=True)
        self.plan, self.noted = Plan(), Request(self.command, address.path, query, headers)
        act = self.server.on_request(self.noted)
        if act is None or not act(self):
            self.forward()

    def forward(self) -> None:
        """Pass the request on and the answer back."""
        if self._waits_for_leave():
            self.send_response_only(100)
            self.end_headers()
            self.wfile.flush()
        upstream = self.server.upstream
        connection = HTTPConnection(str(upstream.hostname), upstream.port, timeout=300)
        try:
            self._send(connection)
            self._answer(connection.getresponse())
        finally:
            connection.close()

    do_GET = do_PUT = do_POST = do_PATCH = do_HEAD = do_DELETE = do_OPTIONS = relay

    def answer_error(self, status: int, code: str, message: str, headers: Mapping[str, str]) -> None:
        """Answer in the server's place, as S3 does, and close."""
        body = (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message>'
            f"<RequestId>0000</RequestId></Error>"
        ).encode()
        if not self._waits_for_leave():
            source, _ = self._body()
            while source(_BLOCK):
                pass
        self.noted.status = status
        self.send_response_only(status)
        for name, value in {"Content-Type": "application/xml", "Connection": "close", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()
        self.close_connection = True

    # The way there ----------------------------------------------------------------------------------

    def _waits_for_leave(self) -> bool:
        return self.headers.get("Expect", "").lower() == "100-continue"

    def _send(self, connection: HTTPConnection) -> None:
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in ("expect", "connection"):
                connection.putheader(name, value)
        connection.endheaders()
        source, chunked = self._body()
        read = _Reader(source, self.plan.cut_request, self.plan.alter_request)
        try:
            while block := read():
                connection.send(_chunk(block) if chunked else block)
            if chunked:
                connection.send(_chunk(b""))
        except OSError:  # the server has heard enough, and may have said why
            self.close_connection = True

    def _body(self) -> tuple[Callable[[int], bytes], bool]:
        """Return a reader of the request's body, and whether it comes in chunks."""
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return _chunks(self.rfile), True
        return _counted(self.rfile, int(self.headers.get("Content-Length") or 0)), False

    # The way back -----------------------------------------------------------------------------------

    def _answer(self, response: HTTPResponse) -> None:
        if self.plan.cut_response == 0:
            raise Cut
        self.noted.status = response.status
        self.send_response_only(response.status, response.reason)
        chunked = response.getheader("Transfer-Encoding", "").lower() == "chunked"
        for name, value in response.getheaders():
            if name.lower() != "connection":
                self.send_header(name, value)
        without_body = self.command == "HEAD" or response.status in _WITHOUT_BODY
        if not chunked and not without_body and response.getheader("Content-Length") is None:
            self.close_connection = True  # its end is the end of the body
            self.send_header("Connection", "close")
        self.end_headers()
        if not without_body:
            read = _Reader(response.read, self.plan.cut_response, self.plan.alter_response)
            while block := read():
                self.wfile.write(_chunk(block) if chunked else block)
            if chunked:
                self.wfile.write(_chunk(b""))
        self.wfile.flush()

    def _break(self) -> None:
        """Close with a reset, as a network that fails does, not with a polite end."""
        self.close_connection = True
        with contextlib.suppress(OSError, ValueError):
            self.wfile.flush()
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Say nothing."""


# Bodies ---------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Reader:
    """Reads a body in blocks, altering and cutting it as planned."""

    read: Callable[[int], bytes]
    cut: int | None
    alter: int | None
    passed: int = field(default=0)

    def __call__(self) -> bytes:
        wanted = _BLOCK if self.cut is None else min(_BLOCK, self.cut - self.passed)
        if wanted <= 0:
            raise Cut
        block = self.read(wanted)
        place = -1 if self.alter is None else self.alter - self.passed
        if 0 <= place < len(block):
            block = block[:place] + bytes([block[place] ^ 0xFF]) + block[place + 1 :]
        self.passed += len(block)
        return block


def _chunk(block: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(block), block)


def _counted(stream: Any, left: int) -> Callable[[int], bytes]:
    """Return a reader of exactly ``left`` bytes of a stream that goes on."""

    def read(size: int) -> bytes:
        nonlocal left
        block: bytes = stream.read(min(size, left)) if left else b""
        if left and not block:
            raise Cut  # the client has gone; the server must not wait for the rest
        left -= len(block)
        return block

    return read


def _chunks(stream: Any) -> Callable[[int], bytes]:
    """Return a reader of a chunked body, without its framing."""
    left = 0
    ended = False

    def read(size: int) -> bytes:
        nonlocal left, ended
        if left == 0 and not ended:
            left = int(stream.readline().split(b";")[0], 16)
            ended = left == 0
            while ended and stream.readline() not in (b"\r\n", b""):
                pass
        block: bytes = stream.read(min(size, left)) if left else b""
        left -= len(block)
        if left == 0 and not ended:
            stream.readline()
        return block

    return read
