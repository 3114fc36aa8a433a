"""SageMaker Studio's control plane: images, their versions and configurations, domains, spaces and apps.

moto has none of it. This stand-in keeps the state (:mod:`tests.servers.studio_state`) and is as strict as
the service where that is known:

- each request **and each answer** is checked against botocore's own service model (types, lengths,
  patterns, words, members that must be there); an operation that the model does not have, or that nobody
  wrote here, is refused. A request that does not fit is in ``violations``, and answered as AWS does; an
  answer that does not fit is in ``violations`` too, and a fault of this module;
- what takes time at AWS takes a number of looks here: no test sleeps, and none sees a state skipped;
- it goes wrong on demand: :meth:`Studio.fail_next` and its siblings.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.servers.sagemaker import _against
from tests.servers.studio_lists import Refused
from tests.servers.studio_state import State
from tests.servers.threaded import Threaded


class Studio(Threaded):
    """The control plane of one account.

    Parameters
    ----------
    looks
        How many times something that takes time is described before it is done.
    guards
        Whether what is referred to can be deleted; where it can, ``state.harm`` tells of it.
    region
        What names of what is made here tell.
    """

    def __init__(self, looks: int = 2, guards: bool = True, region: str = "us-east-1") -> None:
        self.state = State(looks, guards, region)
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.violations: list[str] = []
        self._faults: list[dict[str, Any]] = []
        self._lock = threading.RLock()
        super().__init__(_Server(self))

    def environment(self) -> dict[str, str]:
        """Return the environment variables that point boto3 here."""
        return {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL_SAGEMAKER": self.endpoint,
        }

    @property
    def client(self) -> Any:
        """boto3's own client."""
        import boto3
        from botocore.config import Config

        return boto3.client(
            "sagemaker",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}),
        )

    def count(self, *operations: str) -> int:
        """Return how many calls of some operations came."""
        counted = Counter(operation for operation, _ in self.calls)
        return sum(counted[operation] for operation in operations)

    def changes(self) -> list[str]:
        """Return the operations that came and may change something, in their order."""
        return [name for name, _ in self.calls if not name.startswith(("Describe", "List"))]

    # What goes wrong --------------------------------------------------------------------------------

    def fail_next(
        self, operation: str, code: str, message: str = "Told to fail.", *, status: int = 400, times: int = 1
    ) -> None:
        """Answer an error without doing anything; ``*`` is any operation."""
        answer = (status, {"__type": code, "message": message})
        self._fault(operation, times, answer=answer)

    def throttle(self, operation: str, times: int = 1) -> None:
        """Answer that calls come too fast."""
        self.fail_next(operation, "ThrottlingException", "Rate exceeded", times=times)

    def deny(self, operation: str, action: str = "") -> None:
        """Answer from now on that the right to do it is missing."""
        said = (
            "User: arn:aws:sts::123456789012:assumed-role/ci/job is not authorized to perform: "
            f"{action or 'sagemaker:' + operation} on resource: * because no identity-based policy allows it"
        )
        self.fail_next(operation, "AccessDeniedException", said, times=10**9)

    def cut_next(self, operation: str, *, done: bool, times: int = 1) -> None:
        """Break the connection; ``done`` says whether the call is carried out first."""
        self._fault(operation, times, done=done)

    def mend(self) -> None:
        """Take back everything that goes wrong."""
        with self._lock:
            self._faults.clear()

    def _fault(self, operation: str, times: int, **what: Any) -> None:
        with self._lock:
            self._faults.append({"operation": operation, "times": times, **what})

    # One call ---------------------------------------------------------------------------------------

    def answer(self, operation: str, said: dict[str, Any]) -> tuple[int, dict[str, Any]] | None:
        """Return the answer to a call; None breaks the connection."""
        with self._lock:
            self.calls.append((operation, said))
            fault = self._strike(operation)
            if fault and "answer" in fault:
                told: tuple[int, dict[str, Any]] = fault["answer"]
                return told
            if fault and not fault["done"]:
                return None
            result = self._carry_out(operation, said)
            return None if fault else result

    def _strike(self, operation: str) -> dict[str, Any] | None:
        for fault in self._faults:
            if fault["operation"] in ("*", operation) and fault["times"] > 0:
                fault["times"] -= 1
                return fault
        return None

    def _carry_out(self, operation: str, said: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        model = _operation(operation)
        if model is None or not self.state.knows(operation):
            self.violations.append(f"{operation}: there is no such operation here")
            return 400, {"__type": "UnknownOperationException", "message": operation}
        if wrong := violation(model.input_shape, said):
            self.violations.append(f"{operation}: {wrong}")
            return 400, {"__type": "ValidationException", "message": wrong}
        try:
            answer = self.state.carry_out(operation, said)
        except Refused as refused:
            shapes = [shape.name for shape in model.error_shapes]
            if refused.code not in (*shapes, "ValidationException"):
                self.violations.append(f"{operation} never answers {refused.code}")
            return 400, {"__type": refused.code, "message": str(refused)}
        if wrong := violation(model.output_shape, answer):
            self.violations.append(f"{operation} answered: {wrong}")
            return 500, {"__type": "InternalFailure", "message": wrong}
        return 200, answer


@cache
def _operation(name: str) -> Any:
    import botocore.session

    model = botocore.session.get_session().get_service_model("sagemaker")
    return model.operation_model(name) if name in model.operation_names else None


def violation(shape: Any, value: dict[str, Any]) -> str:
    """Return what about a request or an answer the service model does not allow; empty if all is right."""
    from botocore.validate import ParamValidator

    if shape is None:
        return "" if not value else f"unexpected {value}"
    report = ParamValidator().validate(value, shape)
    return str(report.generate_report()) if report.has_errors() else _against(shape, value, shape.name)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, studio: Studio) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.studio = studio

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that are killed break connections."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if len(body) < length:  # the client was killed while it asked
            self.close_connection = True
            return
        operation = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        result = self.server.studio.answer(operation, json.loads(body or b"{}"))
        if result is None:
            self.close_connection = True
            return
        status, answer = result
        data = json.dumps(answer).encode()
        head = f"HTTP/1.1 {status} Answer\r\nContent-Type: application/x-amz-json-1.1\r\n"
        # One write: two would wait for each other's acknowledgement (Nagle), 40 ms a call.
        self.wfile.write(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Say nothing."""
