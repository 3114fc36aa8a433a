"""What AWS Lambda calls: a batch of the queue, or somebody by hand. One line of JSON for each message."""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from attach_kernel import delivery, events
from jsk_ci.errors import ProjectError
from jsk_saver.errors import JskError

#: Seconds of the function's time that are kept for giving back the lease and saying what happened. A call to
#: SageMaker takes 40 s at most, and one that began in time must not end with the function.
RESERVE = 60.0
#: Seconds until a message that failed is tried again; twice as long each time, up to the longest.
_FIRST_REST, _LONGEST_REST = 30, 900


def handle(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Handle the messages of a batch, each by itself.

    Parameters
    ----------
    event
        Of SQS; or ``{"image": "iris", "version": 4}``, and ``{"image": "iris"}`` for the version before.
    context
        Lambda's.

    Returns
    -------
    dict
        The messages that stay in the queue; by hand, what was done.

    Raises
    ------
    JskError
        By hand, if it could not be done.
    """
    if "Records" not in event:
        return _by_hand(event, context)
    failed = []
    for record in event["Records"]:
        line = _handled(record, context)
        _say(line)
        if line["outcome"] == "failed":
            failed.append({"itemIdentifier": record["messageId"]})
            _put_off(record)
    return {"batchItemFailures": failed}


def _by_hand(asked: Mapping[str, Any], context: Any) -> dict[str, Any]:
    try:
        done = delivery.by_hand(delivery.Platform.from_environment(), asked, _left(context))
    except Exception as error:
        _say({"outcome": "failed", "by": "hand", **_reason(error)})
        raise
    _say({**done, "by": "hand"})
    return done


def _handled(record: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Return what came of a message; nothing that goes wrong with one reaches the others."""
    began = time.monotonic()
    line: dict[str, Any] = {"message": record["messageId"], "attempt": _attempt(record)}
    try:
        push = events.parse(record["body"])
        if push is None:
            line |= {"outcome": "skipped", "why": "not the push of an image that was tested"}
        else:
            line |= {"repository": push.repository, "digest": push.digest, "tag": push.tag}
            line["event"] = push.event
            line |= _delivered(push, _left(context))
    except Exception as error:  # whatever it is, the message stays in the queue
        line |= {"outcome": "failed", **_reason(error)}
    return {**line, "seconds": round(time.monotonic() - began, 3)}


def _delivered(push: events.Push, seconds: float) -> dict[str, Any]:
    platform = delivery.Platform.from_environment()
    try:
        kernel = delivery.identify(platform, push)
    except ProjectError as error:  # it is no image to publish; trying again does not help
        return {"outcome": "refused", **_reason(error)}
    if kernel is None:
        return {"outcome": "skipped", "why": "the image is not in the registry any more"}
    return delivery.deliver(platform, kernel, seconds)


def _reason(error: Exception) -> dict[str, str]:
    if isinstance(error, JskError):
        return {"error": type(error).__name__, "why": error.what, "kept": error.kept, "hint": error.hint}
    told = "".join(traceback.format_exception(error)[-5:])
    return {"error": type(error).__name__, "why": str(error), "trace": told}


def _say(line: Mapping[str, Any]) -> None:
    level = "ERROR" if line["outcome"] in ("failed", "refused") else "INFO"
    said = {
        "level": level,
        "what": "attach_kernel",
        **{key: value for key, value in line.items() if value != ""},
    }
    sys.stdout.write(json.dumps(said, default=str) + "\n")
    sys.stdout.flush()


def _attempt(record: Mapping[str, Any]) -> int:
    return int(record.get("attributes", {}).get("ApproximateReceiveCount", 1))


def _left(context: Any) -> float:
    return max(1.0, float(context.get_remaining_time_in_millis()) / 1000 - RESERVE)


def _put_off(record: Mapping[str, Any]) -> None:
    """Let the message come again soon, and not only when the queue would give it out again by itself."""
    queue = os.environ.get("JSK_QUEUE_URL")
    if not queue or "receiptHandle" not in record:
        return
    import boto3

    rest = min(_FIRST_REST * 2 ** (_attempt(record) - 1), _LONGEST_REST)
    with suppress(Exception):  # then the queue's own time applies
        boto3.client("sqs").change_message_visibility(
            QueueUrl=queue, ReceiptHandle=record["receiptHandle"], VisibilityTimeout=rest
        )
