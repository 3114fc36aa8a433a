"""A relay that lets through only what AWS would: requests with a valid signature (Signature Version 4)."""

from __future__ import annotations

import hashlib
import json
import re
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.servers.threaded import Threaded

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<day>\d{8})/(?P<region>[^/]+)/(?P<service>[^/]+)/"
    r"aws4_request, SignedHeaders=(?P<signed>[^,]+), Signature=(?P<signature>[0-9a-f]{64})"
)


class SignatureChecker(Threaded):
    """Stands in front of ``upstream``; notes which requests were signed as they must be.

    Parameters
    ----------
    upstream
        Where valid requests go on to.
    access_key, secret_key
        The only ones that are known.
    """

    def __init__(self, upstream: str, access_key: str, secret_key: str) -> None:
        self.upstream = urlsplit(upstream)
        self._credentials = Credentials(access_key, secret_key)
        self.valid = 0
        self.wrong: list[str] = []
        self.scopes: set[str] = set()
        self._headers: list[dict[str, str]] = []
        server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        server.checker = self  # type: ignore[attr-defined]
        super().__init__(server)

    def headers(self, name: str) -> set[str]:
        """Return the values of a header in all requests; nothing stands for requests without it."""
        return {headers.get(name, "") for headers in self._headers}

    def check(self, method: str, path: str, headers: dict[str, str], body: bytes) -> str:
        """Return what is wrong with a request."""
        self._headers.append(headers)
        found = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
        if found is None:
            return "not signed"
        self.scopes.add(f"{found['region']}/{found['service']}")
        if hashlib.sha256(body).hexdigest() != headers.get("x-amz-content-sha256"):
            return "the body is another one"
        signed = {name: headers[name] for name in found["signed"].split(";")}
        request = AWSRequest(method, f"http://{headers['host']}{path}", signed, body)
        request.context["timestamp"] = headers["x-amz-date"]
        auth = SigV4Auth(self._credentials, found["service"], found["region"])
        text = auth.string_to_sign(request, auth.canonical_request(request))
        wanted = auth.signature(text, request)
        known = found["key"] == self._credentials.access_key
        return "" if known and wanted == found["signature"] else "the signature is another one"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def relay(self) -> None:
        checker: SignatureChecker = self.server.checker  # type: ignore[attr-defined]
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        wrong = checker.check(self.command, self.path, headers, body)
        if wrong:
            checker.wrong.append(f"{self.command} {self.path}: {wrong}")
            said = {"error_code": "PERMISSION_DENIED", "message": wrong}
            self._answer(403, "application/json", json.dumps(said).encode())
            return
        checker.valid += 1
        connection = HTTPConnection(str(checker.upstream.hostname), checker.upstream.port, timeout=60)
        connection.request(self.command, self.path, body, {**headers, "host": checker.upstream.netloc})
        answer = connection.getresponse()
        self._answer(answer.status, answer.getheader("Content-Type") or "text/plain", answer.read())
        connection.close()

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = relay

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""
