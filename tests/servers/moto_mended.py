"""``moto_server`` where it answers otherwise than AWS does; run as a program, with the same arguments.

Each correction says what moto does and what AWS documents. None adds a service: those are stand-ins of
their own beside this.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

#: What a bucket's policy may ask of a request's headers, by condition key.
_HEADERS = (
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-customer-algorithm",
)
_EVERYTHING = '{"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'


def keep_policies_of_queues() -> None:
    """SetQueueAttributes changes what it names; moto forgets the policy whenever it is not named."""
    from moto.sqs.models import Queue

    set_as_moto_does = Queue._set_attributes

    def set_what_is_named(self: Any, attributes: dict[str, Any], now: float | None = None) -> None:
        before = getattr(self, "policy", None)
        set_as_moto_does(self, attributes, now)
        if "Policy" not in attributes:
            self.policy = before

    Queue._set_attributes = set_what_is_named  # type: ignore[method-assign]


def heed_conditions_of_buckets() -> None:
    """A statement applies where its conditions hold; moto denies where they do not.

    Whoever asks is the account's administrator. The loopback, which nobody listens to, stands for TLS.
    """
    from moto.iam.access_control import PermissionResult
    from moto.s3.models import FakeBucket

    from tests.infra.iam import Request, allowed

    def get_permission(self: Any, action: str, resource: str) -> PermissionResult:
        if self.policy is None:
            return PermissionResult.NEUTRAL
        asked = Request(action.replace("Head", "Get"), resource, _context(self.account_id))
        administrator = str(asked.context["aws:PrincipalArn"])
        policy = self.policy.decode()
        may = allowed(asked, [_EVERYTHING], resource=policy, principal=administrator)
        return PermissionResult.NEUTRAL if may else PermissionResult.DENIED

    FakeBucket.get_permission = get_permission  # type: ignore[method-assign]


def _context(account: str) -> dict[str, str]:
    """Return what conditions can ask of the request that is being answered."""
    from flask import request

    told = {name: request.headers[name] for name in _HEADERS if name in request.headers}
    return {f"s3:{name}": value for name, value in told.items()} | {
        "aws:PrincipalAccount": account,
        "aws:PrincipalArn": f"arn:aws:iam::{account}:user/administrator",
        "aws:PrincipalIsAWSService": "false",
        "aws:SecureTransport": "true",
        "s3:TlsVersion": "1.3",
    }


def keep_counts_of_lifecycle_rules() -> None:
    """A rule keeps how many newer versions stay before an old one goes; moto forgets the number."""
    from moto.s3.models import FakeBucket
    from moto.s3.responses import S3Response

    set_as_moto_does, tell_as_moto_does = FakeBucket.set_lifecycle, S3Response.get_bucket_lifecycle
    expiration, count = "NoncurrentVersionExpiration", "NewerNoncurrentVersions"

    def set_lifecycle(self: Any, rules: list[dict[str, Any]]) -> None:
        set_as_moto_does(self, rules)
        self.counts = [(rule.get(expiration) or {}).get(count) for rule in rules]

    def get_bucket_lifecycle(self: Any) -> Any:
        write, counts = self.serialized, self.backend.get_bucket(self.bucket_name).counts

        def write_all(answer: Any) -> Any:
            rules = answer.result["Rules"] if isinstance(answer.result, dict) else []  # or an error
            for rule, kept in zip(rules, counts, strict=False):
                if kept is not None:
                    rule[expiration][count] = int(kept)
            return write(answer)

        self.serialized = write_all
        return tell_as_moto_does(self)

    FakeBucket.counts = ()  # type: ignore[attr-defined]
    FakeBucket.set_lifecycle = set_lifecycle  # type: ignore[method-assign]
    S3Response.get_bucket_lifecycle = get_bucket_lifecycle  # type: ignore[method-assign]


def answer_what_is_sent_again() -> None:
    """A request that comes once more, because its answer was lost, gets that answer.

    Under load an answer of the development server is lost now and then; the client sends again, and moto says
    that what it has just made is there already. SDKs number what they ask (``amz-sdk-invocation-id``), and
    keep the number when they ask again. Refusals are not kept: to them, asking again is right.
    """
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication
    from werkzeug.wrappers import Response

    answer_as_moto_does = DomainDispatcherApplication.__call__
    answers: dict[str, Response] = {}
    turn = threading.Lock()

    def answer(self: Any, environ: dict[str, Any], start_response: Any) -> Any:
        number = environ.get("HTTP_AMZ_SDK_INVOCATION_ID")
        if not number or environ["REQUEST_METHOD"] in ("GET", "HEAD"):
            return answer_as_moto_does(self, environ, start_response)
        with turn:
            known = answers.get(number)
            if known is None:
                known = Response.from_app(
                    lambda *asked: answer_as_moto_does(self, *asked), environ, buffered=True
                )
                if known.status_code < 400:
                    answers[number] = known
            else:
                print(f"{number} is answered again", flush=True)
                environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        return known(environ, start_response)

    DomainDispatcherApplication.__call__ = answer  # type: ignore[method-assign]


def mend() -> None:
    """Make all corrections."""
    answer_what_is_sent_again()
    keep_counts_of_lifecycle_rules()
    keep_policies_of_queues()
    heed_conditions_of_buckets()


if __name__ == "__main__":
    sys.path.append(str(Path(__file__).resolve().parents[2]))

    from moto.server import main

    mend()
    main()
