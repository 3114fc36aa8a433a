"""Images are looked at before anybody gets them: good ones pass, of bad ones it is said what is bad."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.ci.building import Kernels, Made

pytestmark = pytest.mark.slow
#: What is looked at is the same whoever starts it: good images are started by both builders, bad ones by one.
once = pytest.mark.parametrize("kernels", ["docker"], indirect=True)

PACKAGES = "/opt/jsk/env/lib/python3.11/site-packages"
CHECKS = [
    "notebook in a real kernel",
    "user and home",
    "package list",
    "requirements fit each other",
    "git answers",
    "kernelspec",
    "JupyterLab app",
]
#: A package that asks for what is not there: what differs from a good image, which checks see it, and what
#: they tell.
NEEDY = (
    f"RUN mkdir {PACKAGES}/needy-1.0.dist-info",
    "RUN printf 'Metadata-Version: 2.1\\nName: needy\\nVersion: 1.0\\nRequires-Dist: absent>=2\\n'"
    f" > {PACKAGES}/needy-1.0.dist-info/METADATA",
    "RUN echo needy==1.0 >> /opt/jsk/packages.txt",
)
BAD = {
    "a wrong list of packages": (
        ["RUN echo nothing==1.0 >> /opt/jsk/packages.txt"],
        {"package list": "['nothing==1.0'] that are not installed"},
    ),
    "requirements that are not met": (
        NEEDY,
        {"requirements fit each other": "needy 1.0 requires absent>=2, there is none"},
    ),
    "no kernelspec": (
        ["RUN rm -r /opt/jsk/kernels/*"],
        {
            "notebook in a real kernel": "No such kernel named base",
            "kernelspec": "No such kernel named base",
            "JupyterLab app": "not base",
        },
    ),
    "an entry point that ends at once": (
        ['ENTRYPOINT ["/bin/sh", "-c", "echo out of order"]'],
        {"JupyterLab app": "out of order"},
    ),
    "no git": (["RUN rm $(command -v git)"], {"git answers": "there is no git"}),
    "the fingerprint of another image": (
        ["ENV JSK_KERNEL_FINGERPRINT=another"],
        {"notebook in a real kernel": "a saved object names the fingerprint another, and the image's label "},
    ),
}


def smoke(kernels: Kernels, image: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "jsk_ci.cli", "smoke", image, "--builder", kernels.builder.name]
    return subprocess.run([*command, *options], capture_output=True, text=True, check=False)


def failed(found: dict[str, Any]) -> dict[str, str]:
    return {check["name"]: check["told"] for check in found["checks"] if not check["ok"]}


def test_a_good_image_passes(kernels: Kernels, whole: Made):
    done = smoke(kernels, whole.pinned, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["ok"]
    assert [check["name"] for check in found["checks"]] == CHECKS
    told = {check["name"]: check["told"] for check in found["checks"]}
    assert told["user and home"].startswith("1000:100, /home/sagemaker-user writable")
    assert told["git answers"].startswith("git version ")
    assert found["warnings"] == []
    timing = found["timing"]
    assert 0 < timing["first cell"] < timing["start"]
    whole_time = timing["start"] + timing["imports"]
    assert timing["imports share"] == pytest.approx(timing["imports"] / whole_time, abs=0.001)
    print(kernels.builder.name, timing)


@once
def test_what_is_told_ends_with_what_a_scientist_waits_for(kernels: Kernels, whole: Made):
    done = smoke(kernels, whole.image.reference, "--import", "pyarrow")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split(":")[0] for line in lines[:-1]] == [f"+ {name}" for name in CHECKS]
    assert lines[-1].startswith("From the container's start to the first executed cell ")


@once
@pytest.mark.parametrize("what", BAD)
def test_a_bad_image_is_refused_and_the_check_named(kernels: Kernels, whole: Made, what: str):
    lines, expected = BAD[what]
    image = kernels.change(whole.image, "bad", *lines)
    done = smoke(kernels, image.reference, "--json")
    assert done.returncode == 1, done.stdout
    found = json.loads(done.stdout)
    assert not found["ok"]
    assert [*failed(found)] == [*expected]
    for check, words in expected.items():
        assert words in failed(found)[check]
        assert f"  {check}: " in done.stderr
    assert "nothing was tagged, published or attached" in done.stderr


@once
def test_an_image_that_studio_would_never_end_is_warned_of(kernels: Kernels, whole: Made):
    image = kernels.change(whole.image, "endless", f"RUN rm {PACKAGES}/jsk_saver/notebook/idle.py")
    done = smoke(kernels, image.reference)
    assert done.returncode == 0, done.stderr
    assert (
        "! /jupyterlab/default/api/idle answered 404: Studio would never end it for being idle."
        in done.stdout
    )


@once
def test_conflicts_that_are_known_may_be_allowed(kernels: Kernels, whole: Made):
    image = kernels.change(whole.image, "needy", *NEEDY)
    done = smoke(kernels, image.reference, "--allow-conflict", "needy")
    assert done.returncode == 0, done.stderr
    assert "+ requirements fit each other: as pip check; allowed: 1" in done.stdout


@once
def test_an_experiment_whose_package_does_not_import_is_refused(kernels: Kernels, whole: Made):
    name = f"torn-{kernels.builder.name}"
    kernels.index.add("torn", "1.0", code="raise ImportError('libmissing.so.1: cannot open')\n")
    made = kernels.build(kernels.write(name, "torn", kernel=f'base = "{whole.pinned}"'))
    done = smoke(kernels, made.image.reference, "--import", "torn")
    assert done.returncode == 1
    assert "- notebook in a real kernel: " in done.stdout
    assert "libmissing.so.1: cannot open" in done.stderr
    assert [line.split(":")[0] for line in done.stdout.splitlines() if line.startswith("- ")] == [
        "- notebook in a real kernel"
    ]


@once
def test_what_is_no_kernel_image_is_refused(kernels: Kernels, base: Made):
    done = smoke(kernels, kernels.place.debian, "--json")
    assert done.returncode == 1
    assert "is not a kernel image" in failed(json.loads(done.stdout))["kernel image"]
    assert "  kernel image: " in done.stderr


@once
def test_a_dry_run_starts_nothing(kernels: Kernels):
    done = smoke(kernels, "registry.example.org/nothing:1", "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"image": "registry.example.org/nothing:1", "dry_run": True}
