"""The GitLab components, by GitLab's schema and gitlab-ci-local, and what jsk-ci render makes of them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from jsk_ci import inputs, jobs, pipeline, project, render
from jsk_ci.cli.app import app
from jsk_ci.errors import ProjectError
from jsk_ci.plan import BASE, EXPERIMENT, NOTHING, Step
from tests.ci.locked import commit, git
from tests.servers.gitlab import GitLab, Ran
from tests.servers.s3 import ServerUnavailable

ROOT = Path(__file__).parents[2]
TEMPLATES = sorted((ROOT / "ci" / "templates").glob("*.yml"))
JOBS = {
    "kernel": ["kernel-plan", "kernel-images"],
    "notebooks": ["notebooks-lint", "notebooks-test"],
    "release": ["release-candidate", "release-final"],
    "workflow": [],
}
#: What GitLab knows in the pipelines that a change may start.
BRANCH = {"CI_COMMIT_BRANCH": "feature/x", "CI_COMMIT_REF_NAME": "feature/x"}
MERGE_REQUEST = {"CI_PIPELINE_SOURCE": "merge_request_event"}


@pytest.fixture(scope="module")
def gitlab() -> GitLab:
    """What reads pipelines as GitLab does."""
    try:
        return GitLab()
    except ServerUnavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture
def clone(tmp_path: Path, gitlab: GitLab) -> Path:
    """A repository with the kit's templates in it."""
    remote, folder = tmp_path / "remote.git", tmp_path / "clone"
    git(tmp_path, "init", "--quiet", "--bare", str(remote))
    git(tmp_path, "clone", "--quiet", str(remote), str(folder))
    gitlab.adopt(folder, "squad/iris")
    gitlab.publish(folder, "jsk/kit", "1.0.0", TEMPLATES)
    shutil.copytree(ROOT / "ci" / "templates", folder / "ci" / "templates")
    return folder


def write(folder: Path, *include: dict[str, Any], **more: Any) -> Path:
    """Write and commit a pipeline."""
    (folder / ".gitlab-ci.yml").write_text(yaml.safe_dump({"include": list(include), **more}))
    commit(folder)
    return folder / ".gitlab-ci.yml"


def local(name: str, **given: Any) -> dict[str, Any]:
    """Return an include of a template in the same repository."""
    return {"local": f"/ci/templates/{name}.yml", "inputs": given}


# What the files are ---------------------------------------------------------------------------------


def test_there_is_a_template_for_each_purpose():
    assert [file.stem for file in TEMPLATES] == sorted(JOBS)


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: file.stem)
def test_every_template_is_what_gitlab_takes(file: Path, tmp_path: Path):
    for number, text in enumerate(file.read_text().split("\n---\n")):
        part = tmp_path / f"{number}.yml"
        part.write_text(text)
        assert schema(part) == ""
    final = tmp_path / "final.yml"
    final.write_text(render.render(file).text())
    assert schema(final) == ""


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: file.stem)
def test_every_input_is_described_typed_used_and_has_a_default(file: Path):
    spec, body = render.load(file)
    text = json.dumps(body)
    for name, told in spec.items():
        assert told["description"].endswith("."), name
        assert told["type"] in ("string", "boolean"), name
        assert "default" in told, name
        assert f"inputs.{name} ]]" in text, name


def test_every_input_is_told_in_the_documentation():
    text = (ROOT / "docs" / "gitlab.md").read_text()
    for file in TEMPLATES:
        for name in render.load(file)[0]:
            assert f"`{name}`" in text, f"{file.stem}: {name}"


# What jsk-ci render makes of them -------------------------------------------------------------------


@pytest.mark.parametrize("how", ["local", "component", "project"])
def test_render_sees_what_gitlab_sees(clone: Path, gitlab: GitLab, how: str):
    """However it is included; compared with what gitlab-ci-local makes of the same file."""
    given = {
        "kernel": {"folders": "a b", "builder": "buildah", "domain": "d-1"},
        "notebooks": {"test": "nbval"},
        "release": {"main": "trunk"},
        "workflow": {"schedules": False},
    }
    include = []
    for name, values in given.items():
        told: dict[str, Any] = {
            "local": {"local": f"/ci/templates/{name}.yml"},
            "component": {"component": f"{GitLab.HOST}/jsk/kit/{name}@1.0.0"},
            "project": {"project": "jsk/kit", "ref": "1.0.0", "file": f"/templates/{name}.yml"},
        }[how]
        include.append({**told, "inputs": values})
    file = write(clone, *include, **{"kernel-plan": {"timeout": "1h"}})
    ours = render.render(file)
    theirs = yaml.safe_load(gitlab.preview(clone))
    assert ours.unseen == ours.notes == ()
    assert sorted(ours.jobs) == sorted(name for names in JOBS.values() for name in names)
    for name, job in ours.jobs.items():
        expected = {key: value for key, value in theirs[name].items() if value is not None}
        assert like_theirs(job) == expected, name
    assert ours.jobs["kernel-plan"]["timeout"] == "1h"
    assert ours.content["workflow"] == theirs["workflow"]


def test_the_command_prints_yaml_that_gitlab_takes_and_json_for_programs(clone: Path):
    write(clone, local("kernel", folders="kernels/iris"))
    done = CliRunner().invoke(app, ["render", str(clone / ".gitlab-ci.yml")])
    assert done.exit_code == 0, done.output
    file = clone / "final.yml"
    file.write_text(done.stdout)
    assert schema(file) == ""
    assert "jsk-ci plan kernels/iris --pipeline" in done.stdout
    told = json.loads(CliRunner().invoke(app, ["render", str(clone / ".gitlab-ci.yml"), "--json"]).stdout)
    assert told["jobs"] == JOBS["kernel"]
    assert told["pipeline"] == yaml.safe_load(done.stdout)


def test_a_template_is_rendered_by_itself_with_inputs():
    file = str(ROOT / "ci" / "templates" / "kernel.yml")
    done = CliRunner().invoke(app, ["render", file, "--input", "stage=test", "--input", "folders=x y"])
    assert "stage: test" in done.stdout
    assert "jsk-ci plan x y --pipeline" in done.stdout


def test_the_examples_and_the_new_repositorys_pipelines_are_seen_whole():
    for name in ("kernels/experiment/example/.gitlab-ci.yml",):
        found = render.render(ROOT / name)
        assert found.unseen == ()
        assert {*JOBS["kernel"], *JOBS["notebooks"], *JOBS["release"]} == set(found.jobs)


def test_what_cannot_be_seen_is_said(clone: Path):
    component = {"component": "gitlab.example.org/others/thing/deploy@2"}
    file = write(clone, component, {"remote": "https://example.org/x.yml"}, local("release"))
    done = CliRunner().invoke(app, ["render", str(file)])
    assert done.exit_code == 0
    assert "component gitlab.example.org/others/thing/deploy@2 is elsewhere" in done.stderr
    assert "remote https://example.org/x.yml is elsewhere" in done.stderr
    assert list(yaml.safe_load(done.stdout)) == JOBS["release"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"folder": "a"}, "there is no input 'folder'"),
        (
            {"builder": "kaniko"},
            "the input 'builder' is 'kaniko', and may be 'auto' or 'docker' or 'buildah'",
        ),
        ({"domain": 7}, "the input 'domain' is 7, which is no string"),
    ],
)
def test_an_input_that_does_not_fit_is_named(clone: Path, given: dict[str, Any], told: str):
    file = write(clone, local("kernel", **given))
    with pytest.raises(ProjectError, match=re.escape(told)) as caught:
        render.render(file)
    assert "Its inputs are: folders, registry" in caught.value.hint


def test_inputs_follow_gitlabs_rules():
    spec: dict[str, Any] = {
        "needed": {},
        "count": {"type": "number", "default": 2},
        "words": {"type": "array", "default": ["a", "b"]},
        "on": {"type": "boolean", "default": True},
        "name": {"default": "long-name", "regex": "^[a-z-]+$"},
    }
    body = {
        "x": "$[[ inputs.words ]]",
        "$[[ inputs.needed ]]-job": ["n=$[[inputs.count]] $[[ inputs.on ]]", "$[[ inputs.count ]]"],
        "y": "$[[ inputs.name | expand_vars | truncate(0,4) ]]",
    }
    assert inputs.fill(spec, body, {"needed": "its"}, "f") == {
        "x": ["a", "b"],
        "its-job": ["n=2 true", 2],
        "y": "long",
    }
    with pytest.raises(ProjectError, match="the input 'needed' is missing"):
        inputs.fill(spec, body, {}, "f")
    with pytest.raises(ProjectError, match=r"the input 'name' is 'A1', which does not match"):
        inputs.fill(spec, body, {"needed": "x", "name": "A1"}, "f")
    with pytest.raises(ProjectError, match="is not among its inputs"):
        inputs.fill(spec, "$[[ inputs.other ]]", {"needed": "x"}, "f")
    with pytest.raises(ProjectError, match="is a list and stands within a text"):
        inputs.fill(spec, "a $[[ inputs.words ]]", {"needed": "x"}, "f")
    with pytest.raises(ProjectError, match="which is no number"):
        inputs.fill(spec, "", {"needed": "x", "count": True}, "f")


def test_files_that_include_each_other_are_an_error(tmp_path: Path):
    (tmp_path / "a.yml").write_text("include: b.yml\n")
    (tmp_path / "b.yml").write_text("include: /a.yml\n")
    with pytest.raises(ProjectError, match="does one include itself"):
        render.render(tmp_path / "a.yml")


def test_jobs_that_extend_what_is_not_there_or_themselves_are_an_error(tmp_path: Path):
    file = tmp_path / "a.yml"
    file.write_text("a: {extends: .b, script: [x]}\n")
    with pytest.raises(ProjectError, match=r"a extends '.b', which is not there"):
        render.render(file)
    file.write_text("a: {extends: a, script: [x]}\n")
    with pytest.raises(ProjectError, match="does one extend itself"):
        render.render(file)


def test_a_reference_stays_as_it_is_written(tmp_path: Path):
    file = tmp_path / "a.yml"
    file.write_text(".b: {script: [x]}\na: {script: [!reference [.b, script], y]}\n")
    assert "!reference [.b, script]" in render.render(file).text()


@pytest.mark.parametrize("text", ["- a list\n", "a: [\n", ""])
def test_a_file_that_is_no_pipeline_is_an_error(tmp_path: Path, text: str):
    (tmp_path / "a.yml").write_text(text)
    with pytest.raises(ProjectError):
        render.render(tmp_path / "a.yml")
    with pytest.raises(ProjectError, match="There is no"):
        render.render(tmp_path / "none.yml")


# When what runs -------------------------------------------------------------------------------------

KERNEL, NOTEBOOKS, CANDIDATE, FINAL = "kernel-plan", "notebooks-lint", "release-candidate", "release-final"


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (BRANCH, {KERNEL, NOTEBOOKS}),
        ({**BRANCH, "CI_OPEN_MERGE_REQUESTS": "squad/iris!1"}, set()),
        ({**MERGE_REQUEST, "CI_OPEN_MERGE_REQUESTS": "squad/iris!1"}, {KERNEL, NOTEBOOKS}),
        ({**MERGE_REQUEST, "CI_MERGE_REQUEST_SOURCE_BRANCH_PROTECTED": "true"}, set()),
        (
            {
                "CI_COMMIT_BRANCH": "develop",
                "CI_COMMIT_REF_PROTECTED": "true",
                "CI_OPEN_MERGE_REQUESTS": "x!1",
            },
            {KERNEL, NOTEBOOKS, CANDIDATE},
        ),
        (
            {"CI_COMMIT_BRANCH": "release/1.0.0", "CI_COMMIT_REF_PROTECTED": "true"},
            {KERNEL, NOTEBOOKS, CANDIDATE},
        ),
        ({"CI_COMMIT_BRANCH": "main", "CI_COMMIT_REF_PROTECTED": "true"}, {KERNEL, NOTEBOOKS}),
        ({"CI_COMMIT_TAG": "1.0.0", "CI_COMMIT_REF_PROTECTED": "true"}, {FINAL}),
        ({"CI_COMMIT_TAG": "1.0.0"}, set()),
        ({"CI_COMMIT_TAG": "nightly", "CI_COMMIT_REF_PROTECTED": "true"}, set()),
        ({"CI_COMMIT_BRANCH": "develop"}, {KERNEL, NOTEBOOKS}),
    ],
    ids=lambda value: (
        ",".join(f"{key[3:]}={text}" for key, text in value.items()) if isinstance(value, dict) else None
    ),
)
def test_a_change_has_one_pipeline_and_only_protected_branches_promote(
    clone: Path, gitlab: GitLab, known: dict[str, str], expected: set[str]
):
    write(clone, local("kernel"), local("notebooks"), local("release"))
    assert listed(clone, gitlab, known) & {KERNEL, NOTEBOOKS, CANDIDATE, FINAL} == expected


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (BRANCH, set()),
        (MERGE_REQUEST, set()),
        ({"CI_COMMIT_BRANCH": "develop", "CI_COMMIT_REF_PROTECTED": "true"}, {KERNEL}),
    ],
    ids=["branch", "merge request", "protected"],
)
def test_where_other_branches_may_not_even_ask_the_registry_they_have_no_such_jobs(
    clone: Path, gitlab: GitLab, known: dict[str, str], expected: set[str]
):
    write(clone, local("kernel", **{"other-branches": "none"}))
    found = listed(clone, gitlab, known)
    assert found & {KERNEL, "kernel-images"} == (expected | {"kernel-images"} if expected else set())


def test_no_entry_point_of_an_image_takes_the_place_of_a_jobs_shell():
    """Kernel images start JupyterLab, and are recommended for testing notebooks."""
    found = {name: job for file in TEMPLATES for name, job in render.render(file).jobs.items()}
    images = {name: job.get("image") for name, job in found.items() if "script" in job}
    assert set(images) == {name for named in JOBS.values() for name in named} - {"kernel-images"}
    assert all(image["entrypoint"] == [""] for image in images.values()), images


def test_the_image_of_a_group_is_that_of_all_jobs(clone: Path, gitlab: GitLab):
    """GitLab puts variables of groups and projects before those of jobs, and so does gitlab-ci-local."""
    programs = clone.parent / "bin"
    programs.mkdir()
    (programs / "jsk-ci").write_text('#!/bin/sh\necho "image=$JSK_CI_JOB_IMAGE"\n')
    (programs / "jsk-ci").chmod(0o755)
    write(clone, local("kernel", prepare="true"), local("release", prepare="true"))
    for variables, image in (
        ({}, "docker.io/library/python:3.11-bookworm"),
        ({"JSK_CI_JOB_IMAGE": "registry.example.org/ci:1"}, "registry.example.org/ci:1"),
    ):
        known = {"CI_COMMIT_BRANCH": "develop", "CI_COMMIT_REF_PROTECTED": "true", **variables}
        for job in ("kernel-plan", "release-candidate"):
            assert f"image={image}" in GitLab([programs]).run(clone, known, job).output, job


@pytest.mark.slow
def test_a_notebook_that_saves_runs_without_rights_to_the_projects_store(clone: Path):
    """Jobs that test have no role: what they save stays with them, unless the project says else."""
    (clone / "pyproject.toml").write_text('[tool.jsk]\nstore = "s3://jsk-vision-iris-123456789012/objects"\n')
    source = 'from jsk_saver import saver\nsaver.put("a.json", {"hello": "world"})'
    ran = notebooks(clone, source, "notebooks-test", {"outputs": [], "execution_count": None})
    assert not ran.failed, ran.output


@pytest.mark.parametrize("stack", ["platform", "modules/experiment"])
def test_pipelines_that_terraform_tells_give_components_only_inputs_that_they_have(stack: str):
    text = (ROOT / "infra" / stack / "gitlab.tf").read_text()
    told = re.search(r"gitlab_ci = <<-EOT\n(.*?)\n  EOT", text, re.S)
    common = re.search(r"gitlab_inputs = join.*?\n  \)\)", text, re.S)
    assert told
    assert common
    shared = dict.fromkeys(re.findall(r'"([\w-]+): ', common[0]), "x")
    assert {"registry", "aws-role", "aws-audience"} <= set(shared)
    for part in yaml.safe_load(re.sub(r"\$\{indent\(.*?\)\}", "folders: x", told[1]))["include"]:
        name = part["component"].partition("@")[0].rpartition("/")[2]
        given = {**part.get("inputs", {}), **(shared if "inputs" in part else {})}
        render.render(ROOT / "ci" / "templates" / f"{name}.yml", given=given)


def test_only_a_protected_branch_asks_for_delivery(clone: Path, gitlab: GitLab):
    write(clone, local("kernel", prepare="true", **{"other-branches": "plan"}))
    programs = clone.parent / "bin"
    programs.mkdir()
    (programs / "jsk-ci").write_text('#!/bin/sh\necho "DELIVER=$JSK_CI_DELIVER $JSK_CI_OTHER_BRANCHES $*"\n')
    (programs / "jsk-ci").chmod(0o755)
    gitlab = GitLab([programs])

    def planned(**known: str) -> Ran:
        return gitlab.run(clone, known, "kernel-plan")

    assert "DELIVER=no plan plan . --pipeline jsk-kernels.yml" in planned(CI_COMMIT_BRANCH="x").output
    assert "DELIVER=yes plan" in planned(CI_COMMIT_BRANCH="x", CI_COMMIT_REF_PROTECTED="true").output


@pytest.mark.parametrize(
    ("output", "cell", "says"),
    [
        ("stripped", {"outputs": [], "execution_count": None}, ""),
        ("stripped", {"outputs": [], "execution_count": 3}, "holds output"),
        ("kept", {"outputs": [], "execution_count": None}, "was not run to its end"),
        ("kept", {"outputs": [], "execution_count": 1}, ""),
        ("either", {"outputs": [], "execution_count": 1}, ""),
    ],
)
def test_notebooks_are_linted_and_their_output_is_as_asked(
    clone: Path, gitlab: GitLab, output: str, cell: dict[str, Any], says: str
):
    ran = notebooks(clone, "1 + 1", "notebooks-lint", cell, output=output)
    assert bool(ran.failed) == bool(says), ran.output
    assert says in ran.output


def test_a_notebook_that_ruff_complains_about_fails(clone: Path, gitlab: GitLab):
    ran = notebooks(clone, "import os", "notebooks-lint", {"outputs": [], "execution_count": None})
    assert ran.failed == ["notebooks-lint"]
    assert "F401" in ran.output


@pytest.mark.slow
def test_notebooks_are_run_and_compared_as_asked(clone: Path, gitlab: GitLab):
    lied = {"outputs": [{"output_type": "stream", "name": "stdout", "text": "5"}], "execution_count": 1}
    assert not notebooks(clone, "print(4)", "notebooks-test", lied, test="nbval-lax").failed
    assert notebooks(clone, "print(4)", "notebooks-test", lied, test="nbval").failed
    assert notebooks(clone, "1 / 0", "notebooks-test", lied, test="nbval-lax").failed
    assert not notebooks(clone, "1 / 0", "notebooks-test", lied, test="none").failed


# The child pipeline ---------------------------------------------------------------------------------


def step(name: str = "iris", decision: str = EXPERIMENT, **told: Any) -> Step:
    kernel = project.Kernel(Path(name), name, name.title(), "registry.example.org/base:1", decision == BASE)
    known = {"fingerprint": "f" * 64, "parent": f"registry.example.org/base@sha256:{'a' * 64}"}
    return Step(kernel, decision, **{**known, **told})


def child(tmp_path: Path, *steps: Step, undelivered: tuple[str, ...] = (), **told: Any) -> dict[str, Any]:
    """Return the child pipeline of some steps, which GitLab's schema takes."""
    text = pipeline.text(steps, "registry.example.org/k", jobs=jobs.Jobs(**told), undelivered=undelivered)
    file = tmp_path / "child.yml"
    file.write_text(text)
    assert schema(file) == ""
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def names(content: dict[str, Any], kernel: str = "iris") -> list[str]:
    return [name.partition(": ")[2] for name in content if name.startswith(f"{kernel}: ")]


CHECKED = ["build", "smoke", "sbom", "scan"]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"deliver": False}, CHECKED),
        ({"deliver": False, "domain": "d-1", "studio_role": "arn:x"}, CHECKED),
        ({}, [*CHECKED, "push"]),
        ({"studio_role": "arn:x"}, [*CHECKED, "push", "publish"]),
        ({"studio_role": "arn:x", "domain": "d-1"}, [*CHECKED, "push", "publish", "attach"]),
        ({"publisher": "f"}, [*CHECKED, "push"]),
        ({"publisher": "f", "studio_role": "arn:x", "domain": "d-1"}, [*CHECKED, "push", "attached"]),
        ({"deliver": False, "publisher": "f", "domain": "d-1"}, CHECKED),
        ({"deliver": False, "builds": False}, []),
    ],
)
def test_a_kernel_has_the_steps_that_were_asked_for(
    tmp_path: Path, told: dict[str, Any], expected: list[str]
):
    content = child(tmp_path, step(), **told)
    assert names(content) == expected
    assert ("nothing to build" in content) == (not expected)
    for name in ("push", "publish", "attach"):
        if name in expected:
            job = content[f"iris: {name}"]
            assert job["rules"] == [{"if": '$CI_COMMIT_REF_PROTECTED == "true"'}]
            assert job["interruptible"] is False
    for name in set(expected) & set(CHECKED):
        assert content[f"iris: {name}"]["interruptible"] is True


def test_nothing_is_pushed_before_smoke_sbom_and_scan(tmp_path: Path):
    needs = child(tmp_path, step())["iris: push"]["needs"]
    assert {need["job"] for need in needs} == {f"iris: {name}" for name in CHECKED}


def test_the_branchs_tag_is_given_by_the_last_job_alone(tmp_path: Path):
    for told, last in (
        ({}, "push"),
        ({"studio_role": "r"}, "publish"),
        ({"domain": "d"}, "attach"),
        ({"domain": "d", "publisher": "f"}, "push"),
    ):
        content = child(tmp_path, step(), **told)
        tagging = [name for name, job in content.items() if "CI_COMMIT_REF_SLUG" in str(job)]
        assert tagging == [f"iris: {last}"]


def test_attaching_takes_turns(tmp_path: Path):
    attach = child(tmp_path, step(), domain="d-1", lease="s3://bucket/turns/")
    assert attach["iris: attach"]["resource_group"] == "jsk-attach"
    assert attach["variables"]["JSK_CI_LEASE"] == "s3://bucket/turns/"
    assert "--no-lease" not in str(attach)
    alone = child(tmp_path, step(), domain="d-1", lease="none")
    assert "jsk-ci attach iris --no-lease" in alone["iris: attach"]["script"]
    assert "JSK_CI_LEASE" not in alone["variables"]


def test_with_a_publisher_one_job_waits_for_what_was_pushed(tmp_path: Path):
    content = child(tmp_path, step(), domain="d-1", publisher="jsk-attach-kernel")
    assert content["iris: attached"]["script"] == ["jsk-ci attached iris"]
    assert content["iris: attached"]["needs"] == [{"job": "iris: push", "artifacts": True}]
    assert content["iris: attached"]["rules"] == [{"if": '$CI_COMMIT_REF_PROTECTED == "true"'}]
    assert content["variables"]["JSK_CI_PUBLISHER"] == "jsk-attach-kernel"


def test_pipelines_of_a_branch_deliver_one_after_the_other(tmp_path: Path):
    """GitLab holds the whole child pipeline back; its jobs must not wait for what their trigger holds."""
    file = next(file for file in TEMPLATES if file.stem == "kernel")
    images = yaml.safe_load(render.render(file).text())["kernel-images"]
    assert images["resource_group"] == "jsk-kernels-$CI_COMMIT_REF_SLUG"
    assert images["trigger"]["strategy"] == "depend"
    inside = child(tmp_path, step(), domain="d-1").values()
    assert images["resource_group"] not in [
        job.get("resource_group") for job in inside if isinstance(job, dict)
    ]


def test_a_known_image_that_the_branch_did_not_have_last_is_delivered_without_a_build(tmp_path: Path):
    known = step(decision=NOTHING, image=f"registry.example.org/k/iris@sha256:{'b' * 64}")
    content = child(tmp_path, known, undelivered=("iris",), domain="d-1")
    assert names(content) == ["push", "publish", "attach"]
    assert content["iris: push"]["variables"]["JSK_CI_IMAGE"] == known.image
    assert names(child(tmp_path, known)) == []
    assert names(child(tmp_path, known, undelivered=("iris",), deliver=False)) == []


def test_where_nothing_is_delivered_a_child_starts_from_its_bases_candidate(tmp_path: Path):
    later = step(after="base", fingerprint="", parent="")
    content = child(tmp_path, step("base", BASE), later, deliver=False)
    build = content["iris: build"]
    assert build["needs"] == [{"job": "base: build", "artifacts": True}]
    assert build["script"][0].startswith('JSK_CI_PARENT="$JSK_CI_IMAGE" jsk-ci build iris')


def test_jobs_get_what_the_component_was_told(tmp_path: Path):
    environment = {
        "JSK_CI_JOB_IMAGE": "registry.example.org/ci:1",
        "JSK_CI_JOB_PREPARE": "echo $HOME",
        "JSK_CI_JOB_TAGS": "builder, large",
        "JSK_CI_JOB_BUILDER": "buildah",
        "JSK_CI_JOB_AWS_ROLE": "arn:aws:iam::123456789012:role/ci",
        "JSK_CI_JOB_AWS_AUDIENCE": "https://gitlab.example.org",
        "JSK_CI_JOB_FAIL_ON": "high",
        "JSK_CI_DOMAIN": "d-of-the-project",
        "JSK_CI_DELIVER": "yes",
    }
    content = child(tmp_path, step(), **{
        name: getattr(jobs.read(environment), name) for name in jobs.Jobs.__dataclass_fields__
    })  # fmt: skip
    common = content[".jsk-kernel"]
    assert common["image"] == {"name": "registry.example.org/ci:1", "entrypoint": [""]}
    assert common["tags"] == ["builder", "large"]
    assert common["retry"] == {"max": 2, "when": ["runner_system_failure"]}
    assert common["id_tokens"] == {"JSK_AWS_TOKEN": {"aud": "https://gitlab.example.org"}}
    assert common["before_script"][-1] == "echo $$HOME"
    assert content["variables"]["AWS_ROLE_ARN"] == "arn:aws:iam::123456789012:role/ci"
    assert content["variables"]["JSK_CI_BUILDER"] == "buildah"
    assert content["variables"]["JSK_CI_DOMAIN"] == "d-of-the-project"
    assert "--fail-on high" in content["iris: scan"]["script"][0]
    assert "attach" in names(content)
    with pytest.raises(ProjectError, match="JSK_CI_DELIVER is 'maybe'"):
        jobs.read({"JSK_CI_DELIVER": "maybe"})


@pytest.mark.parametrize("where", ["kernel-plan", "release-final", ".jsk-kernel"])
def test_a_token_is_written_for_aws_and_gone_with_the_job(tmp_path: Path, where: str):
    content = child(tmp_path, step(), aws_role="arn:r", aws_audience="aud")
    for name in ("kernel", "release"):
        content |= render.render(ROOT / "ci" / "templates" / f"{name}.yml").jobs
    file = tmp_path / "token"
    script = [*content[where]["before_script"][:2], f"stat -c %a {file}", f"cat {file}"]
    lines = [line for line in script if "pip install" not in line]
    environment = {
        **os.environ,
        "AWS_ROLE_ARN": "arn:r",
        "JSK_AWS_TOKEN": "a.b.c",
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(file),
    }
    ran = subprocess.run(
        ["sh", "-euc", "\n".join(lines)], env=environment, capture_output=True, text=True, check=True
    )
    assert ran.stdout == "600\na.b.c"
    assert not file.exists()


# Helpers --------------------------------------------------------------------------------------------


def schema(file: Path) -> str:
    """Return what GitLab's schema has against a file."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.gitlab-ci"]
    done = subprocess.run(
        [*command, "--data-transform", "gitlab-ci", file], capture_output=True, text=True, check=False
    )
    return "" if done.returncode == 0 else done.stdout


def like_theirs(job: dict[str, Any]) -> dict[str, Any]:
    """Return a job as gitlab-ci-local writes it: needs and images are spelled out."""
    told = dict(job)
    if told.get("needs"):
        told["needs"] = [
            {"job": need, "artifacts": True, "optional": False} if isinstance(need, str) else need
            for need in told["needs"]
        ]
    if isinstance(told.get("image"), str):
        told["image"] = {"name": told["image"]}
    return told


def listed(clone: Path, gitlab: GitLab, known: dict[str, str]) -> set[str]:
    """Return the jobs that a pipeline would have."""
    unset = [
        f"--unset-variable={name}"
        for name in ("CI_COMMIT_BRANCH", "CI_COMMIT_REF_PROTECTED")
        if name not in known
    ]
    lines = gitlab.run(clone, known, "--list-csv", *unset).output.splitlines()
    return {line.split(";")[0] for line in lines if line.count(";") > 3}


def notebooks(clone: Path, source: str, job: str, cell: dict[str, Any], **given: str) -> Ran:
    """Run one job of the component on one notebook."""
    book = {
        "cells": [{"cell_type": "code", "id": "a", "metadata": {}, "source": source, **cell}],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    (clone / "notebooks").mkdir(exist_ok=True)
    (clone / "notebooks" / "a.ipynb").write_text(json.dumps(book))
    prepared = {"prepare-lint": "true", "prepare-test": "true"}
    write(clone, local("notebooks", **prepared, **given))
    return GitLab([Path(sys.executable).parent]).run(clone, {"CI_COMMIT_BRANCH": "x"}, job)
