"""The platform's publisher, where it alone may change a domain: waiting for it, and asking it.

It is a function of AWS Lambda (``infra/lambdas/attach_kernel``), called by every push of a tested image.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jsk_ci.errors import Denied, NotPublished, StudioError
from jsk_ci.references import Reference
from jsk_ci.studio import domains, forms, naming, publish
from jsk_ci.studio.client import Studio
from jsk_ci.studio.patience import Patience

#: Seconds for one answer: a little more than the function may take.
_READ = 660
_BUSY = {"TooManyRequestsException", "ThrottlingException", "EC2ThrottledException", "ServiceException"}
_KEPT = "The image and its tags are in the registry; the publisher goes on by itself."


@dataclass(frozen=True, slots=True)
class Offered:
    """What a domain offers of a kernel.

    Parameters
    ----------
    image
        The kernel.
    version
        Made of the container image that is asked about.
    offered
        Versions by place; None where one is not pinned.
    """

    image: str
    version: int
    offered: Mapping[str, int | None] = field(default_factory=dict)

    @property
    def is_later(self) -> bool:
        """Whether the domain offers a later version."""
        return self.version not in self.offered.values()

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "image": self.image,
            "version": self.version,
            "offered": dict(self.offered),
            "later": self.is_later,
        }


def logs(function: str) -> str:
    """Return the command that shows what the publisher did.

    Examples
    --------
    >>> logs("arn:aws:lambda:eu-central-1:123456789012:function:jsk-attach-kernel")
    'aws logs tail /aws/lambda/jsk-attach-kernel --since 1h'
    """
    return f"aws logs tail /aws/lambda/{name(function)} --since 1h"


def name(function: str) -> str:
    """Return the name of a function that is given by its name or ARN, with or without a qualifier."""
    return function.partition(":function:")[2].partition(":")[0] or function


def wait(studio: Studio, image: str, reference: Reference, domain_id: str, function: str) -> Offered:
    """Wait until a domain offers what was pushed, or something later.

    Parameters
    ----------
    studio
        SageMaker; its patience bounds the waiting.
    image
        Name of the kernel.
    reference
        The container image, with its digest.
    domain_id
        ``d-…``
    function
        The publisher, to say where to look.

    Raises
    ------
    StudioError
        If that does not come to pass in time.
    """
    wanted = publish.Wanted(naming.check_image(image), image, reference, "", "")
    studio.patience.fresh()
    while True:
        found = publish.look(studio, wanted)
        told = studio.ask("describe_domain", DomainId=domain_id)
        offered = domains.offered(told, image, forms.ALL)
        if found and _is_done(found.version, offered):
            return Offered(image, found.version, offered)
        if studio.patience.over:
            raise _late(studio, reference, domain_id, found, offered, function)
        studio.patience.pause()


def ask(function: str, image: str, version: int | None, patience: Patience) -> dict[str, Any]:
    """Let the publisher attach a version of an image, and return what it says.

    Parameters
    ----------
    function
        Its name or ARN.
    image
        Name of the kernel.
    version
        None for the one before the one that is offered.
    patience
        For how long it may be busy. It is asked once: nobody wants to be taken back two versions.

    Raises
    ------
    Denied
        If this role may not ask it.
    NotPublished
        If there is no such function.
    StudioError
        If it could not do it, with its reason; if it does not answer.
    """
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

    said = {"image": image} if version is None else {"image": image, "version": version}
    client = _client()
    while True:
        try:
            answer = client.invoke(FunctionName=function, Payload=json.dumps(said).encode())
            break
        except ClientError as error:
            if error.response["Error"].get("Code") not in _BUSY or patience.over:
                raise _refused(error, function) from error
        except (BotoCoreError, HTTPClientError) as error:
            raise StudioError(
                f"The publisher {name(function)} did not answer: {error}",
                kept="Whether it changed the domain is not known.",
                hint=logs(function),
            ) from error
        patience.pause()
    return _told(answer, function)


def _is_done(version: int, offered: Mapping[str, int | None]) -> bool:
    # Not pinned means the newest.
    return bool(offered) and all(number is None or number >= version for number in offered.values())


def _late(
    studio: Studio,
    reference: Reference,
    domain_id: str,
    found: publish.Published | None,
    offered: Mapping[str, int | None],
    function: str,
) -> StudioError:
    numbers = sorted({str(number or "the newest") for number in offered.values()})
    now = f"offers version {', '.join(numbers)}" if numbers else "offers none"
    is_ = f"version {found.version}" if found else "not published"
    return StudioError(
        f"After {studio.patience.seconds:.0f} s {reference} is {is_}, and the domain {domain_id} {now}.",
        kept=_KEPT,
        hint=f"{logs(function)}    # says why; a rollback lasts until the environment changes",
    )


def _client() -> Any:
    import boto3
    from botocore.config import Config

    config = Config(retries={"total_max_attempts": 1}, read_timeout=_READ, user_agent_extra="jsk-ci")
    return boto3.client("lambda", config=config)


def _refused(error: Any, function: str) -> StudioError:
    code, said = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
    what, kept = (
        f"The publisher {name(function)} cannot be asked: {code}: {said}",
        "The domain was not changed.",
    )
    if "AccessDenied" in code:
        hint = (
            f"Ask somebody who may lambda:InvokeFunction {name(function)}: an administrator of the platform."
        )
        return Denied(what, kept=kept, hint=hint)
    if code == "ResourceNotFoundException":
        hint = "--publisher …    # its name or ARN: terraform output of the platform, publisher_function_arn"
        return NotPublished(what, kept=kept, hint=hint)
    if code in _BUSY:
        return StudioError(what, kept=kept, hint="It does one thing at a time: try again a little later.")
    return StudioError(what, kept=kept)


def _told(answer: Mapping[str, Any], function: str) -> dict[str, Any]:
    try:
        found = json.loads(answer["Payload"].read())
    except ValueError:
        found = None
    if not answer.get("FunctionError") and isinstance(found, dict):
        return found
    said = str(found.get("errorMessage", found)) if isinstance(found, dict) else "it gave no answer"
    what, _, rest = said.partition("\n")
    hint = rest.partition("  Next: ")[2] or logs(function)
    raise StudioError(f"The publisher {name(function)} did not do it: {what}", hint=hint)
