"""A tracking server is asked whether it answers before MLflow is imported."""

from __future__ import annotations

import http.server
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from jsk_saver.tracking.sinks.mlflow import reaching
from tests.servers.processes import free_port


class _Refuses(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_error(403)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def refusing() -> Iterator[str]:
    """A server that lets nobody in; its host and port."""
    with http.server.HTTPServer(("127.0.0.1", 0), _Refuses) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_server_that_refuses_is_there(refusing: str) -> None:
    assert reaching.no_answer(f"http://ann:secret@{refusing}") == ""


def test_trouble_with_certificates_is_left_to_mlflow(refusing: str) -> None:
    assert reaching.no_answer(f"https://{refusing}") == ""


def test_a_server_that_says_nothing_is_dead() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert reaching.no_answer(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=0.2) == "timed out"


def test_a_server_that_hangs_up_is_dead() -> None:
    with socket.create_server(("127.0.0.1", 0)) as rude:
        thread = threading.Thread(target=lambda: rude.accept()[0].close())
        thread.start()
        assert reaching.no_answer(f"http://127.0.0.1:{rude.getsockname()[1]}")
        thread.join()


def test_a_name_that_nobody_knows_is_told() -> None:
    assert "name" in reaching.no_answer("http://nowhere.invalid")


def test_a_dead_server_does_not_cost_the_import_of_mlflow() -> None:
    script = (
        "import sys\n"
        "from jsk_saver.tracking.sinks.base import SinkDown\n"
        "from jsk_saver.tracking.sinks.mlflow.client import Client\n"
        "try:\n"
        f"    Client('http://ann:secret@127.0.0.1:{free_port()}')\n"
        "except SinkDown as down:\n"
        "    print(down.what, 'mlflow' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("MLflow at http://127.0.0.1:")
    assert done.stdout.endswith("does not answer: connection refused. False\n")
    assert "secret" not in done.stdout
