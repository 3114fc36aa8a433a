"""A registry that never lets a tag be moved, as ECR's repositories with ``IMMUTABLE`` tags.

It stands before a real registry, and answers what ECR does to a manifest under a tag that is there, the same
image's too (aws/containers-roadmap 2380, GoogleContainerTools/kaniko 3481)::

    400 TAG_INVALID: The image tag '1' already exists in the 'iris' repository and cannot be overwritten
    because the repository is immutable.

Everything else, manifests by digest among it, goes on to the registry.
"""

from __future__ import annotations

import http.client
import json
import threading
from urllib.parse import urlsplit

from tests.servers.proxy import Act, Handler, RelayServer, Request
from tests.servers.threaded import Threaded

_ANY = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json"


class ImmutableTags(Threaded):
    """A loopback registry in front of ``endpoint``.

    Parameters
    ----------
    endpoint
        Of a real registry.
    """

    def __init__(self, endpoint: str) -> None:
        self._target, self._lock = urlsplit(endpoint), threading.Lock()
        #: Tags that somebody tried to give again.
        self.refused: list[str] = []
        super().__init__(RelayServer(self._target, self._act))

    @property
    def host(self) -> str:
        """As names of images have it."""
        return urlsplit(self.endpoint).netloc

    def _act(self, request: Request) -> Act | None:
        _, slash, reference = request.path.partition("/manifests/")
        if request.method != "PUT" or not slash or reference.startswith("sha256:"):
            return None
        return self._first_or_refused

    def _first_or_refused(self, handler: Handler) -> bool:
        """Pass a tag on, or refuse it; of two at once, one is there before the other is looked for."""
        path = handler.noted.path
        repository, _, tag = path.removeprefix("/v2/").partition("/manifests/")
        with self._lock:
            if not self._is_there(path):
                handler.forward()
                return True
            self.refused.append(tag)
        _refuse(handler, repository, tag)
        return True

    def _is_there(self, path: str) -> bool:
        connection = http.client.HTTPConnection(self._target.netloc, timeout=30)
        try:
            connection.request("HEAD", path, headers={"Accept": _ANY})
            return connection.getresponse().status == 200
        finally:
            connection.close()


def _refuse(handler: Handler, repository: str, tag: str) -> None:
    words = (
        f"The image tag '{tag}' already exists in the '{repository}' repository and cannot be overwritten "
        "because the repository is immutable."
    )
    body = json.dumps({"errors": [{"code": "TAG_INVALID", "message": words}]}).encode()
    handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
    handler.noted.status = 400
    handler.send_response_only(400)
    handler.send_header("Content-Type", "application/json; charset=utf-8")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
    handler.wfile.flush()
