"""A plan as a GitLab child pipeline: for each kernel that is to be built, its steps; bases first."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from jsk_ci.jobs import Jobs, escaped
from jsk_ci.plan import NOTHING, Step

#: What all jobs extend; a file that is included may add to it.
JOB = ".jsk-kernel"
_DOTENV = "jsk.env"
#: One of the jobs that another one waits for.
Need = dict[str, str | bool]
_STAGES = ("build", "test", "push", "publish", "attach")
#: Branch, pipeline and commit of an image; a plan finds by it which image a branch had last. The pipeline
#: is in it because a base that moved makes another image of the same commit.
_TAG = '--tag "$CI_COMMIT_REF_SLUG-$CI_PIPELINE_IID-$CI_COMMIT_SHORT_SHA"'
#: A second guard beside whoever asked for delivery: nothing of a branch that is not protected.
_PROTECTED = [{"if": '$CI_COMMIT_REF_PROTECTED == "true"'}]


def text(
    steps: Sequence[Step],
    where: str,
    *,
    include: Sequence[str] = (),
    jobs: Jobs | None = None,
    undelivered: Collection[str] = (),
) -> str:
    """Return the pipeline as YAML.

    A kernel whose base is built in the same pipeline is planned again in its own job: only then is there
    the base's digest, and with it the kernel's fingerprint; it may well be that nothing is to be built.
    Where nothing is delivered, the base gets no tag by which it would be found, and its candidate is named.

    Parameters
    ----------
    steps
        The plan.
    where
        Registry and path below which images go.
    include
        Files of the repository that the pipeline includes, to add to ``.jsk-kernel``.
    jobs
        What the jobs have in common, and whether images are delivered.
    undelivered
        Names of kernels of which nothing is to be built, but whose image this branch did not have last.
    """
    import yaml

    jobs = jobs or Jobs()
    content: dict[str, Any] = {"stages": list(_STAGES)}
    if include:
        content["include"] = [{"local": "/" + file.lstrip("/")} for file in include]
    content["variables"] = {"JSK_CI_REGISTRY": escaped(where), **jobs.variables()}
    content[JOB] = jobs.base()
    made: dict[str, Any] = {}
    for step in steps:
        if step.decision != NOTHING and (jobs.deliver or jobs.builds):
            made.update(_Kernel(step, jobs).jobs())
        elif jobs.deliver and step.kernel.name in undelivered:
            made.update(_Kernel(step, jobs).delivery())
    content.update(made or _idle(steps))
    head = "# Written by jsk-ci plan.\n"
    return head + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)


def _idle(steps: Sequence[Step]) -> dict[str, Any]:
    """Return the one job of a pipeline that has none: GitLab takes no pipeline without."""
    waiting = [step.kernel.name for step in steps if step.decision != NOTHING]
    told = (
        f"To be built once it is merged: {', '.join(waiting)}."
        if waiting
        else "The registry has every image already."
    )
    return {
        "nothing to build": {
            "extends": JOB,
            "stage": "build",
            "interruptible": True,
            "variables": {"GIT_STRATEGY": "none"},
            "before_script": [],
            "script": [f"echo {shlex.quote(told)}"],
        }
    }


class _Kernel:
    """The jobs of one kernel."""

    def __init__(self, step: Step, jobs: Jobs) -> None:
        self.step, self.asked = step, jobs
        self.name, self.folder = step.kernel.name, shlex.quote(_from_root(step.kernel.folder))

    def jobs(self) -> dict[str, Any]:
        """Return all of them, in their order."""
        made = {f"{self.name}: build": self._build(), **dict(self._checks())}
        return made | (self.delivery(built=True) if self.asked.deliver else {})

    def _build(self) -> dict[str, Any]:
        script = [f"jsk-ci build {self.folder} --candidate --dotenv {_DOTENV}"]
        needs: list[Need] = []
        first = self.step.after
        if first and self.asked.deliver:
            needs = [{"job": f"{first}: push", "artifacts": False}]
            script = [
                f"jsk-ci plan {self.folder} --dotenv {_DOTENV}",
                f"set -a; . ./{_DOTENV}; set +a",
                _unless_known(script[0]),
            ]
        elif first:
            needs = [{"job": f"{first}: build", "artifacts": True}]
            script = [f'JSK_CI_PARENT="$JSK_CI_IMAGE" {script[0]}']
        return self._job("build", script, needs, hands_on=True)

    def _checks(self) -> Iterator[tuple[str, dict[str, Any]]]:
        own = self._need("build", artifacts=True)
        smoke = 'jsk-ci smoke "$JSK_CI_IMAGE"'
        yield (
            f"{self.name}: smoke",
            self._job("test", [_unless_known(smoke) if self.step.after else smoke], [own]),
        )
        file = f"{self.name}.cdx.json"
        script = [f'jsk-ci sbom {self.folder} --parent-digest "${{JSK_CI_PARENT##*@}}" --output {file}']
        sbom = self._job("test", script, [own])
        sbom["artifacts"] = {"paths": [file], "reports": {"cyclonedx": [file]}}
        yield f"{self.name}: sbom", sbom
        scan = f"jsk-ci scan {self.folder} --fail-on {self.asked.fail_on}"
        yield f"{self.name}: scan", self._job("test", [scan], [own])

    def delivery(self, built: bool = False) -> dict[str, Any]:
        """Return the jobs that deliver an image: the one that was built, or the one that is there."""
        push = f'jsk-ci push {self.folder} --image "$JSK_CI_IMAGE" --dotenv {_DOTENV}'
        needs = [self._need("build", artifacts=True)] if built else []
        needs += [self._need(check) for check in ("smoke", "sbom", "scan") if built]
        made = {"push": self._job("push", [push], needs, hands_on=True, safe=False)}
        if self.asked.publishes:
            publish = f"jsk-ci publish {self.folder} --dotenv {_DOTENV}"
            needs = [self._need("push", artifacts=True)]
            made["publish"] = self._job("publish", [publish], needs, hands_on=True, safe=False)
        if self.asked.attaches:
            attach = f"jsk-ci attach {self.folder}" + (" --no-lease" if self.asked.lease == "none" else "")
            needs = [self._need("push", artifacts=True), self._need("publish", artifacts=True)]
            made["attach"] = self._job("attach", [attach], needs, safe=False)
            made["attach"]["resource_group"] = "jsk-attach"
        # The tag that says "this branch has it" is given by the last job: until then a plan delivers again.
        # A publisher is told by it what to deliver, and loses nothing that it was told.
        last = list(made.values())[-1]
        last["script"].append(f'jsk-ci push {self.folder} --image "$JSK_CI_IMAGE" {_TAG}')
        if self.asked.waits:
            needs = [self._need("push", artifacts=True)]
            made["attached"] = self._job("attach", [f"jsk-ci attached {self.folder}"], needs)
        return {f"{self.name}: {step}": {**job, "rules": _PROTECTED} for step, job in made.items()}

    def _need(self, step: str, artifacts: bool = False) -> Need:
        return {"job": f"{self.name}: {step}", "artifacts": artifacts}

    def _job(
        self,
        stage: str,
        script: Sequence[str],
        needs: Sequence[Need],
        *,
        hands_on: bool = False,
        safe: bool = True,
    ) -> dict[str, Any]:
        """Return a job; what the plan found is passed on, so that no step finds something else later."""
        job: dict[str, Any] = {"extends": JOB, "stage": stage, "interruptible": safe, "needs": list(needs)}
        if self.step.fingerprint:
            job["variables"] = {
                "JSK_CI_FINGERPRINT": self.step.fingerprint,
                "JSK_CI_PARENT": self.step.parent,
            } | ({"JSK_CI_IMAGE": self.step.image} if self.step.image else {})
        job["script"] = list(script)
        if hands_on:
            job["artifacts"] = {"reports": {"dotenv": _DOTENV}}
        return job


def _unless_known(command: str) -> str:
    return f'if [ "$JSK_CI_DECISION" != {NOTHING} ]; then {command}; fi'


def _from_root(folder: Path) -> str:
    """Return a folder as jobs find it: from the repository's root, where GitLab starts them."""
    here = Path.cwd().resolve()
    resolved = folder.resolve()
    return str(resolved.relative_to(here)) if resolved.is_relative_to(here) else str(folder)
