"""An image whose app Studio could never end for being idle is warned of, whatever its app answers."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from jsk_ci.smoke import jupyterlab
from tests.servers.threaded import Threaded


def app(status: int, body: bytes) -> HTTPServer:
    """Return an app that answers everything alike."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *said: object) -> None:
            """Say nothing."""

    return HTTPServer(("127.0.0.1", 0), Handler)


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (404, b"", "answered 404"),
        (200, b"<!doctype html><title>JupyterLab</title>", "answered <!doctype html>"),
        (200, b'{"message": "none"}', 'answered {"message": "none"}'),
    ],
    ids=["nothing", "a page", "something else"],
)
def test_an_app_that_does_not_say_when_it_was_at_work_is_warned_of(
    status: int, body: bytes, told: str
) -> None:
    server = app(status, body)
    with Threaded(server):
        warning = jupyterlab.idle_warning(server.server_port)
    assert told in warning
    assert "jupyter-activity-monitor-extension" in warning


def test_an_app_that_says_it_is_not() -> None:
    server = app(200, b'{"lastActiveTimestamp": "2026-11-21T10:00:00.000000z"}')
    with Threaded(server):
        assert jupyterlab.idle_warning(server.server_port) == ""
