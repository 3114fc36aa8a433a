"""SageMaker Experiments as AWS has it: moto, behind a relay that is as strict as the service.

moto keeps experiments, trials and trial components. The relay in front of it

- checks each request against botocore's own service model (types, lengths, patterns, words) and against
  the limits that the model does not know; what does not fit is in ``violations``, and answered as AWS does;
- lets a name be taken once, where moto makes it anew;
- keeps the points of ``BatchPutMetrics`` as they come, and counts them in ``DescribeTrialComponent``: moto
  keeps one point a step, so that what is sent twice would not be seen;
- goes wrong on demand: :meth:`SageMaker.fail_next` and its siblings.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from functools import cache, cached_property
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from tests.servers.s3 import S3Server
from tests.servers.threaded import Threaded

#: What is done to a call: returns an answer to give in the server's place, or None to go on.
Act = Callable[["Call"], "tuple[int, dict[str, Any]] | None"]
_METRICS = "BatchPutMetrics"


class Cut(Exception):
    """The connection ends here."""


class Call:
    """One request: the operation, what it said, and whether its answer is to be lost."""

    def __init__(self, operation: str, said: dict[str, Any]) -> None:
        self.operation, self.said, self.lose_answer = operation, said, False
        self.status = 0


class SageMaker(Threaded):
    """The relay.

    Parameters
    ----------
    moto
        A server of moto.
    """

    def __init__(self, moto: S3Server) -> None:
        self.moto = moto
        self.calls: list[Call] = []
        self.points: dict[str, list[dict[str, Any]]] = {}
        self.violations: list[str] = []
        #: Different metrics that one trial component takes.
        self.metric_limit = 10**9
        self._faults: list[tuple[str, list[int], Act]] = []
        self._names: set[tuple[str, str]] = set()
        self._lock = threading.RLock()
        server = _Server(self)
        super().__init__(server)

    def environment(self) -> dict[str, str]:
        """Return the environment variables that point boto3 at the relay."""
        return {
            "AWS_ACCESS_KEY_ID": self.moto.access_key,
            "AWS_SECRET_ACCESS_KEY": self.moto.secret_key,
            "AWS_DEFAULT_REGION": self.moto.region,
            "AWS_ENDPOINT_URL_SAGEMAKER": self.endpoint,
            "AWS_ENDPOINT_URL_SAGEMAKER_METRICS": self.endpoint,
        }

    @cached_property
    def client(self) -> Any:
        """boto3's client of what moto has kept, past the relay."""
        import boto3

        return boto3.client(
            "sagemaker",
            endpoint_url=self.moto.endpoint,
            region_name=self.moto.region,
            aws_access_key_id=self.moto.access_key,
            aws_secret_access_key=self.moto.secret_key,
        )

    def count(self, operation: str) -> int:
        """Return how many calls of an operation came."""
        return sum(call.operation == operation for call in self.calls)

    # What goes wrong --------------------------------------------------------------------------------

    def fail_next(
        self, operation: str, *, status: int, code: str, message: str = "Told to fail.", times: int = 1
    ) -> None:
        """Answer an error without doing anything."""
        self.act_next(operation, lambda _: (status, {"__type": code, "message": message}), times=times)

    def cut_next(self, operation: str, *, done: bool, times: int = 1) -> None:
        """Break the connection; ``done`` says whether the call is carried out first."""

        def act(call: Call) -> None:
            if not done:
                raise Cut
            call.lose_answer = True

        self.act_next(operation, act, times=times)

    def act_next(self, operation: str, act: Act, *, times: int = 1) -> None:
        """Do something to the next calls of an operation."""
        with self._lock:
            self._faults.append((operation, [times], act))

    def forget(self) -> None:
        """Forget calls and points, and take back every fault that has not struck yet."""
        with self._lock:
            self._faults.clear()
            self.calls, self.points, self.violations, self.metric_limit = [], {}, [], 10**9

    # One call ---------------------------------------------------------------------------------------

    def answer(
        self, call: Call, forward: Callable[[], tuple[int, dict[str, Any]]]
    ) -> tuple[int, dict[str, Any]]:
        """Return the answer to a call."""
        with self._lock:
            self.calls.append(call)
            act = self._strike(call)
            if act is not None and (instead := act(call)) is not None:
                return instead
            if wrong := violation(call.operation, call.said):
                self.violations.append(f"{call.operation}: {wrong}")
                return 400, {"__type": "ValidationException", "message": wrong}
            if refusal := self._known(call):
                return refusal
            if call.operation == _METRICS:
                return self._put_metrics(call, forward)
            status, answer = forward()
            if call.operation == "DescribeTrialComponent" and status == 200:
                answer["Metrics"] = self._summaries(call.said["TrialComponentName"])
            return status, answer

    def _strike(self, call: Call) -> Act | None:
        for operation, times, act in self._faults:
            if operation in ("*", call.operation) and times[0] > 0:
                times[0] -= 1
                return act
        return None

    def _known(self, call: Call) -> tuple[int, dict[str, Any]] | None:
        """Names are there once, whatever their capitals; what is not there is not found."""
        if call.operation == "UpdateExperiment":  # moto has no such call
            arn = f"arn:aws:sagemaker:us-east-1:123456789012:experiment/{call.said['ExperimentName']}"
            return 200, {"ExperimentArn": arn}
        kind = re.fullmatch("(Create|Describe)(Experiment|Trial|TrialComponent)", call.operation)
        if kind is None:
            return None
        name = str(call.said[f"{kind[2]}Name"])
        known = (kind[2], name.lower()) in self._names
        if kind[1] == "Describe" and not known:
            return 400, {"__type": "ResourceNotFound", "message": f"{kind[2]} {name} does not exist."}
        if kind[1] == "Create" and known:
            said = (
                f"{kind[2]} names must be unique within an AWS account and region; ({name}) already exists."
            )
            return 400, {"__type": "ValidationException", "message": said}
        self._names.add((kind[2], name.lower()))
        return None

    def _put_metrics(
        self, call: Call, forward: Callable[[], tuple[int, dict[str, Any]]]
    ) -> tuple[int, dict[str, Any]]:
        kept = self.points.setdefault(call.said["TrialComponentName"], [])
        errors = []
        for index, point in enumerate(call.said["MetricData"]):
            names = {known["MetricName"] for known in kept}
            if point["MetricName"] not in names and len(names) >= self.metric_limit:
                errors.append({"Code": "METRIC_LIMIT_EXCEEDED", "MetricIndex": index})
            else:
                kept.append(point)
        status, answer = forward()
        return (status, answer) if answer.get("Errors") else (status, {"Errors": errors})

    def _summaries(self, component: str) -> list[dict[str, Any]]:
        """Return the summaries of a component's metrics, as ``MetricSummary`` of the service model."""
        values: dict[str, list[float]] = {}
        for point in self.points.get(component, []):
            values.setdefault(point["MetricName"], []).append(float(point["Value"]))
        return [
            {"MetricName": name, "Count": len(some), "Last": some[-1], "Min": min(some), "Max": max(some)}
            for name, some in values.items()
        ]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, relay: SageMaker) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.relay = relay

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: broken connections are what the relay is for."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        operation = self.headers.get("X-Amz-Target", self.path).rpartition(".")[2].strip("/")
        call = Call(operation, json.loads(body or b"{}"))
        try:
            status, answer = self.server.relay.answer(call, lambda: self._forward(body))
        except Cut:
            call.lose_answer = True
            status, answer = 0, {}
        call.status = 0 if call.lose_answer else status
        if call.lose_answer:
            self.close_connection = True
            return
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_PUT = do_POST

    def _forward(self, body: bytes) -> tuple[int, dict[str, Any]]:
        connection = HTTPConnection(str(urlsplit(self.server.relay.moto.endpoint).netloc), timeout=60)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
            connection.request(self.command, self.path, body, headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read() or b"{}")
        finally:
            connection.close()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Say nothing."""


# The service model ----------------------------------------------------------------------------------


@cache
def _operation(name: str) -> Any:
    import botocore.session

    session = botocore.session.get_session()
    service = "sagemaker-metrics" if name in (_METRICS, "BatchGetMetrics") else "sagemaker"
    return session.get_service_model(service).operation_model(name)


def violation(operation: str, said: dict[str, Any]) -> str:
    """Return what about a request the service model does not allow; empty where it is all right."""
    from botocore.validate import ParamValidator

    shape = _operation(operation).input_shape
    report = ParamValidator().validate(said, shape)
    if report.has_errors():
        return str(report.generate_report())
    for key in ("InputArtifacts", "OutputArtifacts"):
        if len(said.get(key, ())) > 30:
            return f"{key}: more than 30"
    return _against(shape, said, shape.name)


def _against(shape: Any, value: Any, where: str) -> str:
    limits = shape.metadata
    if shape.type_name in ("string", "list", "map") and not (
        limits.get("min", 0) <= len(value) <= limits.get("max", 10**9)
    ):
        return f"{where}: length {len(value)} is not {limits.get('min', 0)} to {limits.get('max')}"
    if shape.type_name == "integer" and not max(limits.get("min", 0), -(2**31)) <= value < 2**31:
        return f"{where}: {value} is no such number"
    if shape.type_name == "string":
        # Java's: classes of Unicode, and flags in the middle, which Python has only at the start.
        pattern = limits.get("pattern", "").replace(r"\p{L}\p{Z}\p{N}", r"\w ").replace("(?i)", "")
        if pattern and not re.fullmatch(pattern, value):
            return f"{where}: {value!r} is not of the pattern {pattern}"
        if shape.enum and value not in shape.enum:
            return f"{where}: {value!r} is none of {shape.enum}"
    return next(filter(None, (_against(*part) for part in _parts(shape, value, where))), "")


def _parts(shape: Any, value: Any, where: str) -> list[tuple[Any, Any, str]]:
    if shape.type_name == "structure":
        return [(shape.members[name], value[name], f"{where}.{name}") for name in value]
    if shape.type_name == "list":
        return [(shape.member, item, f"{where}[]") for item in value]
    if shape.type_name == "map":
        keys = [(shape.key, key, f"{where} key") for key in value]
        return keys + [(shape.value, item, f"{where}[{key!r}]") for key, item in value.items()]
    return []
