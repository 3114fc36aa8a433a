"""What tests of Studio's steps share."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from typer.testing import CliRunner

from jsk_ci.cli.app import app
from jsk_ci.references import Reference
from jsk_ci.studio import client, forms, patience
from jsk_ci.studio import publish as publishing
from jsk_ci.studio.patience import Patience
from tests.servers.s3 import S3Server
from tests.servers.studio import Studio as Server
from tests.servers.threaded import Threaded

ROLE = "arn:aws:iam::123456789012:role/studio"
REGISTRY = "123456789012.dkr.ecr.us-east-1.amazonaws.com/kernels"


def image(name: str, number: int = 1) -> Reference:
    """Return the pinned reference of a container image."""
    return Reference.parse(f"{REGISTRY}/{name}@sha256:{number:064x}")


def asking(server: Server, seconds: float = 60.0) -> client.Studio:
    """Return what steps ask SageMaker through, with short pauses."""
    return client.Studio(server.client, Patience(seconds, first=0.001, longest=0.01))


def wanted(name: str = "iris", number: int = 1, reference: Reference | None = None) -> publishing.Wanted:
    """Return something to be published."""
    return publishing.Wanted(
        name, name.title(), reference or image(name, number), ROLE, f"build {number} of {name}"
    )


def publish(server: Server, name: str = "iris", number: int = 1) -> publishing.Published:
    """Publish a container image in both forms."""
    return publishing.publish(asking(server), wanted(name, number), forms.ALL)


def kernel_folder(folder: Path, name: str = "iris", base: str = "registry.example.org/base:1.0") -> Path:
    """Write the project of a kernel, and return its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    text = f'[tool.jsk.kernel]\nname = "{name}"\ndisplay-name = "{name.title()}"\nbase = "{base}"\n'
    (folder / "pyproject.toml").write_text(text)
    return folder


def offered(server: Server, domain: str, block: str, scope: str = "DefaultUserSettings") -> dict[str, Any]:
    """Return the pinned versions that a domain offers, by image."""
    settings = server.state.domains[domain].get(scope, {}).get(block, {})
    return {entry["ImageName"]: entry.get("ImageVersionNumber") for entry in settings.get("CustomImages", [])}


@contextmanager
def atomic(s3: S3Server) -> Iterator[S3Server]:
    """Put a relay before moto that passes on one PUT at a time: moto looks first and writes later."""
    with _OneByOne(s3.endpoint) as relay:
        yield s3.behind(relay.endpoint)


class _OneByOne(Threaded):
    def __init__(self, target: str) -> None:
        server = ThreadingHTTPServer(("127.0.0.1", 0), _Relay)
        server.daemon_threads = True
        server.block_on_close = False
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        server.target, server.turn = urlsplit(target).netloc, threading.Lock()  # type: ignore[attr-defined]
        super().__init__(server)


class _Relay(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        with self.server.turn:  # type: ignore[attr-defined]
            self.do_GET()

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        connection = HTTPConnection(self.server.target, timeout=60)  # type: ignore[attr-defined]
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
            connection.request(self.command, self.path, body, headers)
            response = connection.getresponse()
            data = response.read()
        finally:
            connection.close()
        dropped = ("connection", "transfer-encoding", "content-length")
        head = [f"HTTP/1.1 {response.status} {response.reason}"]
        head += [f"{name}: {value}" for name, value in response.getheaders() if name.lower() not in dropped]
        head.append(f"Content-Length: {len(data) if self.command != 'HEAD' else 0}")
        self.wfile.write("\r\n".join([*head, "", ""]).encode() + data)

    do_DELETE = do_POST = do_HEAD = do_GET

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Say nothing."""


def commands(server: Server, patch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Return what runs jsk-ci against a stand-in, with short pauses, and returns what it printed."""
    patch.setattr(patience, "FIRST_PAUSE", 0.001)
    patch.setattr(patience, "LONGEST_PAUSE", 0.01)
    for name in [name for name in os.environ if name.startswith(("CI_", "JSK_CI_", "AWS_PROFILE"))]:
        patch.delenv(name)
    for name, value in server.environment().items():
        patch.setenv(name, value)

    def run(*arguments: str, code: int = 0, given: str | None = None) -> str:
        result = CliRunner().invoke(app, arguments, input=given)
        assert result.exit_code == code, (result.output, result.exception)
        return result.stdout if code == 0 else result.output

    return run


def as_json(text: str | bytes) -> Any:
    """Return what a command printed with --json."""
    return json.loads(text)
