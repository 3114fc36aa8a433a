"""What tests of the kernel publisher share: a registry, ECR's and Studio's stand-ins, and Lambda's side."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.ci.images import kernel_image, repository
from tests.ci.studio_kit import ROLE
from tests.servers.registry import Registry
from tests.servers.s3 import S3Server
from tests.servers.studio import Studio

ROOT = Path(__file__).resolve().parents[2]
LAMBDAS = ROOT / "infra" / "lambdas"
DOMAIN = "d-1"
IRIS, LAB = "kernels/iris", "JupyterLabAppSettings"
#: Handles events; returns the lines of the log, and the answer.
Handle = Callable[..., tuple[list[dict[str, Any]], dict[str, Any]]]


class Context:
    """Lambda's: so much time is left."""

    def __init__(self, seconds: float = 80.0) -> None:
        self.seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


class Account:
    """An account with a platform in it, whose repositories no other test knows.

    Parameters
    ----------
    registry
        A real one, which has the images.
    studio
        SageMaker's stand-in.
    moto
        Knows when images were pushed; has the queue.
    s3
        Has the lease.
    """

    def __init__(self, registry: Registry, studio: Studio, moto: S3Server, s3: S3Server) -> None:
        self.registry, self.studio, self.moto, self.s3 = registry, studio, moto, s3
        self.prefix = f"p{uuid.uuid4().hex[:8]}"
        self.lease = f"s3://{s3.new_bucket()}/jsk-ci/"
        self.ecr = self.client("ecr")
        self._last = 0
        studio.state.add_domain(DOMAIN)

    def client(self, service: str) -> Any:
        import boto3

        return boto3.client(
            service,
            endpoint_url=self.moto.endpoint,
            region_name=self.moto.region,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def environment(self) -> dict[str, str]:
        """Return what the function finds in its environment."""
        return {
            **self.s3.environment(),
            **self.studio.environment(),
            "AWS_ENDPOINT_URL_ECR": self.moto.endpoint,
            "AWS_ENDPOINT_URL_SQS": self.moto.endpoint,
            "JSK_CI_DOMAIN": DOMAIN,
            "JSK_CI_LEASE": self.lease,
            "JSK_CI_STUDIO_ROLE": ROLE,
            "JSK_CI_REGISTRY": self.registry.host,
            "JSK_PLATFORM": self.prefix,
            "JSK_BASES": "base,base-gpu",
        }

    def push(self, path: str, number: int = 1, *tags: str, **told: Any) -> str:
        """Push an image in a later second than any before, and return its digest."""
        name = told.pop("name", path.rpartition("/")[2])
        made = told.pop("made", None) or kernel_image(f"{number:064x}", name, **told)
        place = repository(self.registry.host, f"{self.prefix}/{path}")
        digest = made.send(place, *(tags or (f"fp-{number:012x}",)))
        while int(time.time()) <= self._last:  # ECR tells times in whole seconds
            time.sleep(0.02)
        with suppress(self.ecr.exceptions.RepositoryAlreadyExistsException):
            self.ecr.create_repository(repositoryName=place.name.repository)
        self.ecr.put_image(
            repositoryName=place.name.repository,
            imageManifest=made.manifest.content.decode(),
            imageManifestMediaType=made.manifest.media_type,
            imageTag=f"fp-{number:012x}",
            imageDigest=digest,
        )
        self._last = int(time.time())
        return digest

    def forget(self, path: str, digest: str) -> None:
        """Remove an image from ECR."""
        name = f"{self.prefix}/{path}"
        self.ecr.batch_delete_image(repositoryName=name, imageIds=[{"imageDigest": digest}])

    def event(self, path: str, digest: str, tag: str = "fp-1", **detail: str) -> dict[str, Any]:
        """Return what EventBridge makes of a push."""
        return {
            "id": str(uuid.uuid4()),
            "source": "aws.ecr",
            "detail-type": "ECR Image Action",
            "detail": {
                "action-type": "PUSH",
                "result": "SUCCESS",
                "repository-name": f"{self.prefix}/{path}",
                "image-digest": digest,
                "image-tag": tag,
                **detail,
            },
        }


def batch(*events: Mapping[str, Any] | str, attempt: int = 1) -> dict[str, Any]:
    """Return what the queue hands to the function."""
    bodies = [event if isinstance(event, str) else json.dumps(event) for event in events]
    records = [
        {
            "messageId": f"m-{number}",
            "receiptHandle": f"r-{number}",
            "body": body,
            "attributes": {"ApproximateReceiveCount": str(attempt)},
        }
        for number, body in enumerate(bodies)
    ]
    return {"Records": records}


def outcomes(lines: list[dict[str, Any]]) -> list[str]:
    """Return what came of each message."""
    return [line["outcome"] for line in lines]


#: A process that handles one event from its input, as an instance of the function does.
WORKER = """
import json, sys
from jsk_ci.studio import leases, patience
patience.FIRST_PAUSE, patience.LONGEST_PAUSE, leases.LONGEST_PAUSE = 0.002, 0.02, 0.05
from attach_kernel.handler import handle
class Context:
    get_remaining_time_in_millis = staticmethod(lambda: 100_000)
print("ready", flush=True)
for line in sys.stdin:
    answer = handle(json.loads(line), Context)
    print(json.dumps({"answer": answer}), flush=True)
"""


class Instance:
    """One instance of the function, in a process of its own.

    Parameters
    ----------
    environment
        Of the account.
    path
        Where its Python finds packages beside its own; this checkout's by default.
    command
        Arguments of its Python before the program.
    """

    def __init__(self, environment: Mapping[str, str], path: str = "", command: tuple[str, ...] = ()) -> None:
        here = os.pathsep.join(map(str, (ROOT, ROOT / "ci", LAMBDAS)))
        self.process = subprocess.Popen(
            [sys.executable, *command, "-c", WORKER],
            env={**os.environ, **environment, "PYTHONPATH": path or here},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        assert self.hear() == "ready"

    def say(self, event: Mapping[str, Any]) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(event) + "\n")

    def hear(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def told(self) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Return the lines of its log, and its answer."""
        lines: list[dict[str, Any]] = []
        while "answer" not in (line := json.loads(self.hear())):
            lines.append(line)
        return lines, line["answer"]

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()
