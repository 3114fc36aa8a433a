"""A plan asks the registry by fingerprint: what is there is not built, and all else has a reason."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from jsk_ci import fingerprint, parents, pipeline, plan, project
from jsk_ci import registry as registries
from jsk_ci.errors import LockError, ProjectError, RegistryError
from tests.ci import locked
from tests.ci.images import Made, kernel_image, repository
from tests.servers.faults import FaultyProxy

pytestmark = pytest.mark.usefixtures("no_logins")

ROOT = Path(__file__).parents[2]
_NUMBERS = itertools.count()


class World:
    """A repository with a base and an experiment that starts from it, and the registry of both."""

    def __init__(self, folder: Path, host: str, index) -> None:
        self.index = index
        self.root, self.where = folder / "repository", f"{host}/kernels{next(_NUMBERS)}"
        self.debian = Made({"made": "elsewhere"}).send(repository(host, "debian"), "12")
        self.base = locked.write(
            self.root / "base", index, "leaf==1.0", kernel=f'from = "{host}/debian:12"', more=""
        )
        self.rename(self.base, "base")
        self.child = locked.write(
            self.root / "churn",
            index,
            "leaf==1.0",
            "fast",
            kernel='base = "../base"\nenvironment = "kernel.env"',
        )
        (self.child / "kernel.env").write_text("GREETING=hello\n")
        for kernel in (self.base, self.child):
            locked.lock(kernel)
        locked.commit(self.root)

    def rename(self, folder: Path, name: str) -> None:
        file = folder / "pyproject.toml"
        file.write_text(file.read_text().replace('name = "churn"', f'name = "{name}"'))

    def plan(self, *folders: Path) -> dict[str, plan.Step]:
        return {step.kernel.name: step for step in plan.make(folders or (self.base, self.child), self.where)}

    def build(self, step: plan.Step, *tags: str) -> str:
        """Put an image for a step where a build and a push would."""
        kernel, host = step.kernel, self.where.partition("/")[0]
        listed = "".join(f"{name}=={one.version}\n" for name, one in fingerprint.packages(kernel).items())
        made = kernel_image(
            step.fingerprint,
            kernel.name,
            kind="base" if kernel.is_base else "experiment",
            commit=locked.git(self.root, "rev-parse", "HEAD"),
            parent=step.parent,
            packages=listed,
        )
        place = repository(host, f"{self.where.partition('/')[2]}/{kernel.name}")
        return made.send(place, step.tag, *tags)

    def build_all(self, *tags: str) -> None:
        self.build(self.plan(self.base)["base"], *tags)
        self.build(self.plan(self.child)["churn"], *tags)


@pytest.fixture
def world(tmp_path, registry, index):
    return World(tmp_path, registry.host, index)


# Decisions ------------------------------------------------------------------------------------------


def test_the_first_time_the_base_is_built_and_its_children_after_it(world):
    steps = world.plan(world.child)
    assert [(step.kernel.name, step.decision) for step in steps.values()] == [
        ("base", "base"),
        ("churn", "experiment"),
    ]
    assert steps["base"].reasons == ("there is no image of it yet",)
    assert steps["churn"].after == "base"
    assert steps["churn"].fingerprint == steps["churn"].tag == ""
    assert plan.overall(steps.values()) == "base"


def test_a_childs_fingerprint_follows_from_the_base_that_was_built(world):
    digest = world.build(world.plan(world.base)["base"])
    steps = world.plan()
    assert steps["base"].decision == "nothing"
    assert steps["base"].image.endswith(f"@{digest}")
    assert steps["churn"].decision == "experiment"
    assert steps["churn"].parent == steps["base"].image
    expected = fingerprint.gather(project.read(world.child), digest)
    assert steps["churn"].fingerprint == expected.fingerprint


def test_nothing_changed_means_nothing_is_built(world):
    world.build_all()
    (world.child / "analysis.py").write_text("print('new code')\n")
    file = world.child / "pyproject.toml"
    file.write_text(file.read_text().replace('version = "0.1.0"', 'version = "9.9.9"'))
    locked.commit(world.root)
    steps = world.plan()
    assert {step.decision for step in steps.values()} == {"nothing"}
    assert plan.overall(steps.values()) == "nothing"


def test_a_changed_dependency_is_one_experiment_and_says_which(world):
    world.build_all(f"develop-{locked.git(world.root, 'rev-parse', '--short=8', 'HEAD')}")
    locked.write(
        world.child,
        world.index,
        "leaf==2.0",
        "slow",
        kernel='base = "../base"\nenvironment = "kernel.env"',
    )
    locked.lock(world.child)
    (world.child / "kernel.env").write_text("GREETING=good day\n")
    locked.commit(world.root)
    steps = world.plan()
    assert steps["base"].decision == "nothing"
    assert steps["churn"].decision == "experiment"
    assert set(steps["churn"].reasons) == {
        "- package fast 1.0",
        "~ package leaf 1.0 -> 2.0",
        "+ package slow 1.0",
        "~ variable GREETING hello -> good day",
    }


def test_a_tag_of_the_parent_that_moved_is_the_reason(world):
    short = locked.git(world.root, "rev-parse", "--short=8", "HEAD")
    world.build(world.plan(world.base)["base"], f"develop-{short}")
    host = world.where.partition("/")[0]
    moved = Made({"made": "anew", "for": world.where})
    place = repository(host, "debian")
    moved.send(place)
    place.put(moved.manifest, "12")
    (step,) = world.plan(world.base).values()
    assert step.decision == "base"
    assert step.parent.endswith(moved.manifest.digest)
    assert step.reasons == (f"~ parent {world.debian[7:19]} -> {moved.manifest.digest[7:19]}",)
    Made({"made": "elsewhere"}).send(place, "12")


def test_without_the_history_the_labels_tell_the_reason(world, tmp_path):
    world.build_all(f"develop-{locked.git(world.root, 'rev-parse', '--short=8', 'HEAD')}")
    step = world.plan()["churn"]
    kernel = project.read(world.child)
    (world.child / "pyproject.toml").write_text(
        (world.child / "pyproject.toml")
        .read_text()
        .replace('name = "churn"\nbase', 'display-name = "Churn!"\nname = "churn"\nbase')
    )
    changed = project.read(world.child)
    inputs = fingerprint.gather(changed, step.parent.partition("@")[2])
    place = registries.Repository(registries.of(world.where, kernel.name))
    from dataclasses import replace

    from jsk_ci import labels

    last = replace(labels.parse(place.labels(step.tag), "it"), commit="0" * 40, packages="leaf==2.0\n")
    assert plan._since(changed, inputs, last) == [
        "+ fast 1.0",
        "~ leaf 2.0 -> 1.0",
        "~ kernelspec churn -> Churn!",
    ]


def test_without_any_image_of_the_branch_the_reason_is_short(world):
    world.build_all()
    (world.child / "kernel.env").write_text("GREETING=other\n")
    assert world.plan()["churn"].reasons == ("no image has this fingerprint",)


# What must stop a plan ------------------------------------------------------------------------------


def test_an_image_of_something_else_under_the_tag_is_an_error(world):
    step = world.plan(world.base)["base"]
    host, _, path = world.where.partition("/")
    kernel_image(step.fingerprint[:24] + "0" * 40, "base").send(repository(host, f"{path}/base"), step.tag)
    with pytest.raises(RegistryError, match="has the fingerprint"):
        world.plan(world.base)


def test_an_image_that_is_not_the_kits_under_the_tag_is_an_error(world):
    step = world.plan(world.base)["base"]
    host, _, path = world.where.partition("/")
    Made().send(repository(host, f"{path}/base"), step.tag)
    with pytest.raises(ProjectError, match="not a kernel image"):
        world.plan(world.base)


def test_a_registry_that_does_not_answer_is_never_taken_for_an_empty_one(world, impatient):
    with FaultyProxy(f"http://{world.where.partition('/')[0]}") as proxy:
        file = world.base / "pyproject.toml"
        host = proxy.endpoint.removeprefix("http://")
        file.write_text(file.read_text().replace(world.where.partition("/")[0], host))
        proxy.fail_next("HEAD", status=503, code="UNAVAILABLE", path="*fp-*", times=100)
        with pytest.raises(RegistryError, match="503"):
            plan.make([world.base], f"{host}/{world.where.partition('/')[2]}")


def test_a_parent_that_does_not_exist_is_named(world):
    file = world.base / "pyproject.toml"
    file.write_text(file.read_text().replace("debian:12", "debian:13"))
    with pytest.raises(ProjectError, match="debian:13, which does not exist") as caught:
        world.plan(world.base)
    assert 'from = "' in caught.value.hint


def test_a_childs_lock_is_checked_before_its_base_is_built(world):
    file = world.child / "pyproject.toml"
    file.write_text(file.read_text().replace('"fast"', '"slow"'))
    with pytest.raises(LockError, match="out of date"):
        world.plan()


def test_kernels_that_start_from_each_other_are_refused(world):
    file = world.base / "pyproject.toml"
    file.write_text(file.read_text().replace('from = "', 'base = "../churn" #'))
    with pytest.raises(ProjectError, match="starts from itself"):
        world.plan()


def test_two_kernels_of_one_name_are_refused(world):
    world.rename(world.base, "churn")
    file = world.base / "pyproject.toml"
    file.write_text(file.read_text().replace('name = "base"', 'name = "churn"'))
    with pytest.raises(ProjectError, match="Two kernels are called churn"):
        world.plan()


def test_a_base_without_an_image_is_no_parent_yet(world):
    with pytest.raises(ProjectError, match="no image yet") as caught:
        parents.resolve(project.read(world.child), world.where)
    assert "jsk-ci build" in caught.value.hint


def test_a_build_makes_what_was_planned(world):
    """Both look the parent up by themselves; were they to find other digests, no plan would ever be done."""
    from jsk_ci import build, candidates
    from jsk_ci.builders.buildah import Buildah

    if not Buildah.available():
        pytest.skip("buildah is not installed (Debian: buildah): make servers")
    for kernel in (world.base, world.child):
        (step,) = (one for one in world.plan(kernel).values() if one.decision != "nothing")
        order = build.order(step.kernel, Buildah(), into=world.where)
        assert order.inputs.fingerprint == step.fingerprint
        assert order.parent.pinned == step.parent
        assert order.reference.endswith(candidates.local_tag(step.fingerprint))
        world.build(step)
    assert plan.overall(world.plan().values()) == "nothing"


# The command ----------------------------------------------------------------------------------------


def test_the_command_hands_on_what_it_found(world, tmp_path):
    world.build_all()
    done = _command("plan", world.child, "--registry", world.where, "--dotenv", tmp_path / "p.env", "--json")
    told = json.loads(done.stdout)
    assert told["decision"] == "nothing"
    assert [kernel["kernel"] for kernel in told["kernels"]] == ["base", "churn"]
    handed = dict(line.split("=", 1) for line in (tmp_path / "p.env").read_text().splitlines())
    assert handed["JSK_CI_DECISION"] == "nothing"
    assert handed["JSK_CI_KERNELS"] == "base,churn"
    assert handed["JSK_CI_CHURN_IMAGE"] == told["kernels"][1]["image"]


def test_the_table_is_for_people_and_a_dry_run_writes_nothing(world, tmp_path):
    args = ("--registry", world.where, "--dotenv", tmp_path / "p.env", "--pipeline", tmp_path / "p.yml")
    done = _command("plan", world.base, *args, "--dry-run")
    assert done.stdout.splitlines()[0].split() == ["kernel", "build", "image", "why"]
    assert "there is no image of it yet" in done.stdout
    assert not (tmp_path / "p.env").exists()
    assert not (tmp_path / "p.yml").exists()


def test_one_kernel_is_handed_on_by_plain_names(world, tmp_path):
    _command("plan", world.base, "--registry", world.where, "--dotenv", tmp_path / "p.env")
    handed = dict(line.split("=", 1) for line in (tmp_path / "p.env").read_text().splitlines())
    step = world.plan(world.base)["base"]
    assert handed == {
        "JSK_CI_DECISION": "base",
        "JSK_CI_KERNELS": "base",
        "JSK_CI_KERNEL": "base",
        "JSK_CI_FINGERPRINT": step.fingerprint,
        "JSK_CI_PARENT": step.parent,
        "JSK_CI_IMAGE": "",
    }


def test_without_a_registry_the_command_says_how(world):
    done = _command("plan", world.base, check=False)
    assert done.returncode == 2
    assert "--registry" in done.stderr


def test_nothing_changed_is_decided_in_a_handful_of_requests(world):
    """The time that a plan takes is that of its requests: none moves a layer, and none writes."""
    world.build_all()
    host, _, path = world.where.partition("/")
    with FaultyProxy(f"http://{host}") as proxy:
        file = world.base / "pyproject.toml"
        through = proxy.endpoint.removeprefix("http://")
        file.write_text(file.read_text().replace(host, through))
        steps = plan.make([world.child], f"{through}/{path}")
        assert {step.decision for step in steps} == {"nothing"}
        assert proxy.count("PUT") + proxy.count("POST") + proxy.count("PATCH") == 0
        assert proxy.count() == 7  # the parent's tag; of each kernel tag, manifest, configuration


# The child pipeline ---------------------------------------------------------------------------------


def test_a_pipeline_builds_the_base_before_its_children(world):
    told = yaml.safe_load(pipeline.text(list(world.plan().values()), world.where))
    jobs = {name: job for name, job in told.items() if ": " in name}
    for kernel in ("base", "churn"):
        steps = [name.removeprefix(f"{kernel}: ") for name in jobs if name.startswith(f"{kernel}: ")]
        assert [step for step in steps if step in ("build", "smoke", "push")] == ["build", "smoke", "push"]
    assert jobs["base: build"]["needs"] == []
    assert jobs["churn: build"]["needs"] == [{"job": "base: push", "artifacts": False}]
    assert jobs["churn: build"]["script"][0].startswith("jsk-ci plan ")
    assert "variables" not in jobs["churn: build"]
    assert jobs["base: build"]["variables"]["JSK_CI_FINGERPRINT"] == world.plan()["base"].fingerprint


def test_a_pipeline_without_work_has_a_job_all_the_same(world):
    world.build_all()
    told = yaml.safe_load(pipeline.text(list(world.plan().values()), world.where))
    assert told["nothing to build"]["script"]
    assert not [name for name in told if ": " in name]


@pytest.mark.parametrize("built", [False, True])
def test_pipelines_are_what_gitlab_takes(world, tmp_path, built):
    if built:
        world.build_all()
    file = tmp_path / "child.gitlab-ci.yml"
    _command("plan", world.child, "--registry", world.where, "--pipeline", file, "--include", "ci/kernel.yml")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.gitlab-ci"]
    done = subprocess.run(
        [*command, "--data-transform", "gitlab-ci", file], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert yaml.safe_load(file.read_text())["include"] == [{"local": "/ci/kernel.yml"}]


def test_a_childs_job_plans_anew_and_may_find_that_nothing_is_to_be_built(world, tmp_path):
    """The job's own script, run by a shell with the real plan, and a build that only says it was called."""
    told = yaml.safe_load(pipeline.text(list(world.plan().values()), world.where))
    world.build_all()
    programs = tmp_path / "programs"
    programs.mkdir()
    _script(
        programs / "jsk-ci", 'if [ "$1" = plan ]; then exec PYTHON -m jsk_ci.cli "$@"; fi; echo "called $1"'
    )
    environment = {
        **os.environ,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "JSK_CI_REGISTRY": world.where,
        "PYTHONPATH": f"{ROOT}:{ROOT / 'ci'}",
    }
    script = " && ".join(told["churn: build"]["script"])
    done = subprocess.run(
        ["sh", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert "called build" not in done.stdout
    (world.child / "kernel.env").write_text("GREETING=other\n")
    done = subprocess.run(
        ["sh", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert "called build" in done.stdout


# Helpers --------------------------------------------------------------------------------------------


def _command(*words: object, check: bool = True) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'ci'}"}
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "jsk_ci.cli", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    print(f"jsk-ci {words[0]}: {time.monotonic() - began:.2f} s")
    assert not check or done.returncode == 0, done.stderr
    return done


def _script(file: Path, text: str) -> None:
    file.write_text(f"#!/bin/sh\n{text.replace('PYTHON', sys.executable)}\n")
    file.chmod(0o755)
