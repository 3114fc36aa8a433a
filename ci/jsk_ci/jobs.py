"""What the jobs of a child pipeline get: the inputs of the component ``kernel``, handed over in variables.

The component's own job runs ``jsk-ci plan``, whose child pipeline GitLab reads on its own: nothing that was
included in the parent is known there, so all of it is written into the child.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jsk_ci.errors import ProjectError

#: Before the name of a setting: ``JSK_CI_JOB_IMAGE``.
PREFIX = "JSK_CI_JOB_"
#: The token that GitLab makes for AWS, and the file that AWS's libraries read it from.
_TOKEN, _TOKEN_FILE = "JSK_AWS_TOKEN", "/tmp/jsk-aws-$CI_JOB_ID"  # noqa: S108 - made by umask 077
_WRITE_TOKEN = (
    """trap 'rm -f "$AWS_WEB_IDENTITY_TOKEN_FILE"' EXIT""",
    f'(umask 077; printf %s "${_TOKEN}" > "$AWS_WEB_IDENTITY_TOKEN_FILE")',
)
_WORDS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False, "": False}


@dataclass(frozen=True, slots=True)
class Jobs:
    """What all jobs of a child pipeline have in common.

    Parameters
    ----------
    image
        Container image that they run in; the runner's own without it.
    prepare
        A line of shell before each script.
    tags
        Of the runners that take them.
    builder, cache
        ``docker``, ``buildah`` or ``auto``; the repository that keeps steps of builds.
    aws_role, aws_audience
        ARN of the role that is assumed by OIDC, and for whom the token is made.
    fail_on, vulnerabilities
        From which severity on a vulnerability stops the pipeline, and in which database it is looked up.
    studio_role, domain, lease
        SageMaker's role, the domain that offers the images, where jobs take turns (``none``: nowhere).
    publisher
        The platform's function that publishes and attaches what is pushed; jobs do it without one.
    deliver
        Whether images get their tags, are published and attached: on protected branches.
    builds
        Whether anything is built at all where nothing is delivered.
    """

    image: str = ""
    prepare: str = ""
    tags: tuple[str, ...] = ()
    builder: str = "auto"
    cache: str = ""
    aws_role: str = ""
    aws_audience: str = ""
    fail_on: str = "critical"
    vulnerabilities: str = ""
    studio_role: str = ""
    domain: str = ""
    lease: str = ""
    publisher: str = ""
    deliver: bool = True
    builds: bool = True

    @property
    def publishes(self) -> bool:
        """Whether jobs make images known to SageMaker."""
        return self.deliver and bool(self.studio_role or self.domain) and not self.publisher

    @property
    def attaches(self) -> bool:
        """Whether jobs make a domain offer them."""
        return self.deliver and bool(self.domain) and not self.publisher

    @property
    def waits(self) -> bool:
        """Whether a job waits until the publisher has made the domain offer them."""
        return self.deliver and bool(self.domain) and bool(self.publisher)

    def base(self) -> dict[str, Any]:
        """Return what every job of the pipeline extends."""
        job: dict[str, Any] = {"retry": {"max": 2, "when": ["runner_system_failure"]}}
        if self.image:
            job["image"] = {"name": self.image, "entrypoint": [""]}  # a kernel image has one of its own
        if self.tags:
            job["tags"] = list(self.tags)
        lines = [escaped(self.prepare)] if self.prepare else []
        if self.aws_role:
            job["id_tokens"] = {_TOKEN: {"aud": self.aws_audience}}
            lines = [*_WRITE_TOKEN, *lines]
        if lines:
            job["before_script"] = lines
        return job

    def variables(self) -> dict[str, str]:
        """Return the variables of the whole pipeline, as GitLab is to read them."""
        found = {
            "JSK_CI_BUILDER": "" if self.builder == "auto" else self.builder,
            "JSK_CI_CACHE": self.cache,
            "JSK_CI_VULNERABILITIES": self.vulnerabilities,
            "JSK_CI_STUDIO_ROLE": self.studio_role,
            "JSK_CI_DOMAIN": self.domain,
            "JSK_CI_LEASE": "" if self.lease == "none" else self.lease,
            "JSK_CI_PUBLISHER": self.publisher,
            "AWS_ROLE_ARN": self.aws_role,
        }
        told = {name: escaped(value) for name, value in found.items() if value}
        return told | ({"AWS_WEB_IDENTITY_TOKEN_FILE": _TOKEN_FILE} if self.aws_role else {})


def read(environment: Mapping[str, str]) -> Jobs:
    """Return what the component handed over, or what the variables of the steps say.

    Raises
    ------
    ProjectError
        If a variable says what it cannot say.
    """

    def told(name: str, otherwise: str = "") -> str:
        return environment.get(PREFIX + name, "").strip() or environment.get(otherwise, "").strip()

    return Jobs(
        image=told("IMAGE"),
        prepare=told("PREPARE"),
        tags=tuple(re.split(r"[\s,]+", told("TAGS"))) if told("TAGS") else (),
        builder=told("BUILDER", "JSK_CI_BUILDER") or "auto",
        cache=told("CACHE", "JSK_CI_CACHE"),
        aws_role=told("AWS_ROLE"),
        aws_audience=told("AWS_AUDIENCE", "CI_SERVER_URL"),
        fail_on=told("FAIL_ON") or "critical",
        vulnerabilities=told("VULNERABILITIES", "JSK_CI_VULNERABILITIES"),
        studio_role=told("STUDIO_ROLE", "JSK_CI_STUDIO_ROLE"),
        domain=told("DOMAIN", "JSK_CI_DOMAIN"),
        lease=told("LEASE", "JSK_CI_LEASE"),
        publisher=told("PUBLISHER", "JSK_CI_PUBLISHER"),
        deliver=_switch(environment, "JSK_CI_DELIVER", "yes"),
        builds=environment.get("JSK_CI_OTHER_BRANCHES", "build") != "plan",
    )


def _switch(environment: Mapping[str, str], name: str, default: str) -> bool:
    text = environment.get(name, default).strip().lower()
    if text not in _WORDS:
        raise ProjectError(f"{name} is {text!r}.", hint=f"{name}=yes, or {name}=no")
    return _WORDS[text]


def escaped(value: str) -> str:
    """Return a value in which GitLab finds no variables.

    Examples
    --------
    >>> escaped("costs $5")
    'costs $$5'
    """
    return value.replace("$", "$$")
