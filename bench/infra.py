"""Terraform's own judgement of infra: fmt, validate and test of all modules and roots, one after another."""

from __future__ import annotations

import re
import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.context import Context
from bench.rows import Exactly, Row, Target, duration

if TYPE_CHECKING:
    from tests.infra.terraform_kit import Terraform

#: Of all together, with `terraform init`, which the others need.
TARGET = Target(180, "s")
STEPS = {
    "fmt": ("fmt", "-check"),
    "validate": ("validate", "-no-color"),
    "test": ("test", "-no-color"),
}


@dataclass
class Judged:
    """What Terraform says of one folder, and how long it takes.

    Parameters
    ----------
    name
        The folder, below ``infra``.
    seconds
        By step.
    passed
        How many runs of its tests passed.
    refused
        The steps that failed.
    """

    name: str
    seconds: dict[str, float] = field(default_factory=dict)
    passed: int = 0
    refused: list[str] = field(default_factory=list)

    @property
    def whole(self) -> float:
        """Seconds of all steps."""
        return sum(self.seconds.values())


def infra(context: Context) -> Iterator[Row]:
    """Measure each folder that has tests; all of them also when in a hurry: it is the sum that counts."""
    from tests.infra.terraform_kit import INFRA, Terraform, missing

    if reason := missing():
        yield Row("infra.time", "infra: fmt, validate, test", "not measured", note=reason)
        return
    folder = context.folder / "terraform"
    folder.mkdir()
    terraform = Terraform(folder)
    names = sorted({file.parents[1].relative_to(INFRA).as_posix() for file in INFRA.rglob("*.tftest.hcl")})
    before = _processor()
    every = [_judged(terraform, name) for name in names]
    yield _time(every, _processor() - before)
    yield _verdict(every)


def _judged(terraform: Terraform, name: str) -> Judged:
    judged = Judged(name)
    begun = time.perf_counter()
    terraform.init(name)
    judged.seconds["init"] = time.perf_counter() - begun
    for step, command in STEPS.items():
        begun = time.perf_counter()
        done = terraform.run(name, *command)
        judged.seconds[step] = time.perf_counter() - begun
        if done.returncode:
            judged.refused.append(f"{step} of {name}")
        if told := re.search(r"(\d+) passed", done.stdout):
            judged.passed = int(told[1])
    return judged


def _processor() -> float:
    """Return the processor seconds of all programs that were started and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _time(every: list[Judged], processor: float) -> Row:
    whole = sum(judged.whole for judged in every)
    steps = {step: sum(judged.seconds[step] for judged in every) for step in ("init", *STEPS)}
    return Row(
        "infra.time",
        f"infra: fmt, validate, test of {len(every)} modules and roots, one after another",
        duration(whole),
        ratio=f"{whole / TARGET.value:.2f} × the target",
        target=str(TARGET),
        met=TARGET.met_by(whole),
        note="; ".join(
            [
                ", ".join(f"{step} {duration(taken)}" for step, taken in steps.items()),
                ", ".join(f"{judged.name} {duration(judged.whole)}" for judged in every),
                f"processor time {duration(processor)}",
            ]
        ),
        figures={
            "figure": whole,
            "unit": TARGET.unit,
            "processor_seconds": processor,
            "seconds": {judged.name: judged.seconds for judged in every},
        },
    )


def _verdict(every: list[Judged]) -> Row:
    refused, none = [step for judged in every for step in judged.refused], Exactly(0, "steps")
    return Row(
        "infra.refused",
        f"infra: steps that fail; {sum(judged.passed for judged in every)} runs of terraform test pass",
        ", ".join(refused) or "none",
        target=str(none),
        met=none.met_by(len(refused)),
        figures={"figure": len(refused), "unit": none.unit},
    )
