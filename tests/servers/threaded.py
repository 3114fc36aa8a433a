"""A server of a test that runs in a thread of this process."""

from __future__ import annotations

import threading
from socketserver import BaseServer
from typing import Self


class Threaded:
    """Serves while its ``with`` block runs.

    Parameters
    ----------
    server
        Bound to a port of this machine.
    """

    def __init__(self, server: BaseServer) -> None:
        self._server = server
        self._thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        self.endpoint = f"http://127.0.0.1:{server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
