"""A TCP connection that is counted: how many bytes a client really sends to a server."""

from __future__ import annotations

import socket
import socketserver
import threading
from contextlib import suppress

from tests.servers.threaded import Threaded


class Counted(Threaded):
    """Passes everything on between clients and ``target`` (``host:port``), and counts what goes to it.

    Once ``left`` bytes have passed, connections break, as if the server had died half-way.
    """

    def __init__(self, target: str) -> None:
        host, _, port = target.partition(":")
        self.sent = 0
        self.left: int | None = None
        self._lock = threading.Lock()
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with socket.create_connection((host, int(port))) as server:
                    back = threading.Thread(target=_pass_on, args=(server, self.request), daemon=True)
                    back.start()
                    _pass_on(self.request, server, outer._count)
                    back.join()

        socketserver.ThreadingTCPServer.daemon_threads = True
        super().__init__(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler))

    def _count(self, size: int) -> None:
        with self._lock:
            self.sent += size
            if self.left is not None:
                self.left -= size
                if self.left < 0:
                    raise ConnectionAbortedError


def _pass_on(source: socket.socket, target: socket.socket, count=lambda size: None) -> None:
    with suppress(OSError):
        while data := source.recv(1 << 16):
            count(len(data))
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
