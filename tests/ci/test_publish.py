"""Publishing: in the right order, once, within a bound, and with SageMaker's own reasons."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jsk_ci.errors import InUse, NotPublished, ProjectError, StudioError
from jsk_ci.references import Reference
from jsk_ci.studio import forms, naming
from jsk_ci.studio import publish as publishing
from tests.ci.studio_kit import ROLE, as_json, asking, commands, image, kernel_folder, publish, wanted
from tests.servers.studio import Studio


@pytest.fixture
def studio() -> Iterator[Studio]:
    with Studio() as server:
        yield server
    assert not server.violations


@pytest.fixture
def run(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Run jsk-ci against the stand-in."""
    return commands(studio, monkeypatch)


def test_the_order_is_image_version_configurations(studio: Studio) -> None:
    found = publish(studio)
    assert (found.image, found.version, found.made) == ("iris", 1, True)
    assert studio.changes() == [
        "CreateImage",
        "CreateImageVersion",
        "CreateAppImageConfig",
        "CreateAppImageConfig",
    ]
    (said,) = [said for name, said in studio.calls if name == "CreateImageVersion"]
    assert said["BaseImage"] == image("iris").pinned
    assert said["ReleaseNotes"] == "build 1 of iris"


def test_nothing_follows_before_what_came_before_is_there(studio: Studio) -> None:
    publish(studio)
    names = [name for name, _ in studio.calls]
    # As many looks as the stand-in needs until CREATED, and one that sees it.
    assert names[: names.index("CreateImageVersion")].count("DescribeImage") == 4  # one: it was not there
    between = names[names.index("CreateImageVersion") : names.index("CreateAppImageConfig")]
    assert between.count("DescribeImageVersion") == 3


def test_each_form_is_told_what_it_needs(studio: Studio) -> None:
    publish(studio)
    lab, gateway = studio.state.configs["iris-v1-jupyterlab"], studio.state.configs["iris-v1-kernelgateway"]
    assert lab["JupyterLabAppImageConfig"] == {
        "ContainerConfig": {
            "ContainerEntrypoint": ["/opt/jsk/bin/start-jupyterlab"],
            "ContainerEnvironmentVariables": {"JSK_KERNEL_IMAGE": image("iris").pinned},
        }
    }
    assert gateway["KernelGatewayImageConfig"] == {
        "KernelSpecs": [{"Name": "iris", "DisplayName": "Iris"}],
        "FileSystemConfig": {"MountPath": "/home/sagemaker-user", "DefaultUid": 1000, "DefaultGid": 100},
    }


def test_a_second_time_finds_all_and_changes_nothing(studio: Studio) -> None:
    publish(studio)
    before = studio.changes()
    again = publish(studio)
    assert (again.version, again.made, set(again.configs.values())) == (1, False, {"there"})
    assert studio.changes() == before


def test_an_earlier_image_that_comes_back_is_its_earlier_version(studio: Studio) -> None:
    assert [publish(studio, number=number).version for number in (1, 2, 3, 1)] == [1, 2, 3, 1]


def test_a_configuration_that_was_changed_by_hand_is_mended(studio: Studio) -> None:
    publish(studio)
    config = studio.state.configs["iris-v1-jupyterlab"]["JupyterLabAppImageConfig"]["ContainerConfig"]
    config["ContainerEnvironmentVariables"] = {"JSK_KERNEL_IMAGE": "another"}
    again = publish(studio)
    assert again.configs == {"iris-v1-jupyterlab": "updated", "iris-v1-kernelgateway": "there"}
    assert publish(studio).configs["iris-v1-jupyterlab"] == "there"


@pytest.mark.parametrize("operation", ["CreateImage", "CreateImageVersion", "CreateAppImageConfig"])
@pytest.mark.parametrize("done", [True, False])
def test_a_lost_answer_makes_nothing_twice(studio: Studio, operation: str, done: bool) -> None:
    studio.cut_next(operation, done=done)
    assert publish(studio).version == 1
    assert len(studio.state.versions) == len(studio.state.images) == 1
    assert len(studio.state.configs) == 2


def test_throttling_and_trouble_pass(studio: Studio) -> None:
    studio.throttle("*", times=5)
    studio.fail_next("CreateImageVersion", "InternalFailure", status=500, times=2)
    assert publish(studio).version == 1


def test_an_image_that_somebody_changes_is_waited_for(studio: Studio) -> None:
    studio.fail_next("CreateImageVersion", "ResourceInUse", times=2)
    assert publish(studio).version == 1
    studio.fail_next("CreateImageVersion", "ResourceInUse", times=10**9)
    with pytest.raises(InUse):
        publishing.publish(asking(studio, 0.2), wanted(number=2), forms.ALL)


def test_trouble_that_does_not_pass_ends_at_the_bound(studio: Studio) -> None:
    studio.throttle("DescribeImage", times=10**9)
    with pytest.raises(StudioError, match="throttling DescribeImage") as told:
        publishing.publish(asking(studio, 0.2), wanted(), forms.ALL)
    assert "--wait" in told.value.hint


def test_waiting_has_a_bound(studio: Studio) -> None:
    studio.state.looks = 10**9
    with pytest.raises(StudioError, match=r"iris is still CREATING after 0 seconds"):
        publishing.publish(asking(studio, 0.2), wanted(), forms.ALL)
    studio.state.looks = 2
    studio.state.images.clear()
    assert publish(studio).version == 1


def test_the_reason_of_a_failure_is_told_and_the_next_attempt_is_a_new_one(studio: Studio) -> None:
    reference = image("iris").pinned
    studio.state.bad_images[reference] = "Access denied to the repository."
    with pytest.raises(StudioError, match=r"iris 1 ended as CREATE_FAILED: Access denied") as told:
        publish(studio)
    assert "ecr:BatchGetImage" in told.value.hint
    assert not studio.state.configs
    with pytest.raises(StudioError, match="iris 2 ended as CREATE_FAILED"):
        publish(studio)
    studio.state.bad_images.clear()
    assert publish(studio).version == 3


def test_an_image_that_failed_says_how_to_begin_anew(studio: Studio) -> None:
    publish(studio)
    studio.state.images["iris"] |= {"ImageStatus": "CREATE_FAILED", "FailureReason": "no such role"}
    with pytest.raises(StudioError, match="no such role") as told:
        publish(studio)
    assert "aws sagemaker delete-image --image-name iris" in told.value.hint


def test_a_missing_right_is_named(studio: Studio) -> None:
    studio.deny("CreateAppImageConfig")
    with pytest.raises(StudioError) as told:
        publish(studio)
    assert "IAM action sagemaker:CreateAppImageConfig" in told.value.hint
    studio.deny("CreateImage", "iam:PassRole")
    with pytest.raises(StudioError) as told:
        publish(studio, "rose")
    assert "IAM action iam:PassRole" in told.value.hint


def test_a_quota_is_told(studio: Studio) -> None:
    studio.fail_next("CreateImageVersion", "ResourceLimitExceeded", "50 versions an image")
    with pytest.raises(StudioError, match="50 versions") as told:
        publish(studio)
    assert "jsk-ci gc" in told.value.hint


@pytest.mark.parametrize("name", ["under_score", "two--hyphens", "i" * 64, "-iris", "iris-"])
def test_names_that_sagemaker_does_not_take_are_refused_before_any_call(studio: Studio, name: str) -> None:
    with pytest.raises(ProjectError, match="takes no image called"):
        naming.check_image(name)
    reference = Reference.parse(f"registry.example.org/iris@sha256:{1:064x}")
    with pytest.raises(ProjectError):
        publishing.publish(asking(studio), wanted(name, reference=reference), forms.ALL)
    assert not studio.calls


def test_a_tag_is_no_pin_and_a_reference_has_a_length(studio: Studio) -> None:
    for text in ("registry.example.org/iris:1.4", f"registry.example.org/{'long/' * 40}iris@sha256:{1:064x}"):
        with pytest.raises(ProjectError):
            publishing.publish(asking(studio), wanted(reference=Reference.parse(text)), forms.ALL)
    assert not studio.calls


@pytest.mark.parametrize("name", ["iris", "i" * 63, f"{'long-' * 12}er"])
@pytest.mark.parametrize("form", ["jupyterlab", "kernelgateway"])
def test_names_and_tokens_keep_their_limits(studio: Studio, name: str, form: str) -> None:
    config = naming.config(name, 12345, form)
    answer = studio.answer("DescribeAppImageConfig", {"AppImageConfigName": config})
    assert answer is not None
    assert answer[1]["__type"] == "ResourceNotFound"  # so the name is a name
    assert naming.config(f"{name[:-1]}x", 12345, form) != config
    assert len(naming.token(name, image("iris").pinned)) == 36
    assert len(naming.notes("many words " * 50)) == 255


def test_a_version_that_is_not_there_says_which_are(studio: Studio) -> None:
    publish(studio)
    with pytest.raises(NotPublished, match=r"no version 7 .* it has: 1\."):
        publishing.target(asking(studio), "iris", "Iris", 7)


# The command ----------------------------------------------------------------------------------------


def test_the_command_publishes_and_hands_on_the_version(
    studio: Studio, run: Callable[..., str], tmp_path: Path
) -> None:
    folder, dotenv = kernel_folder(tmp_path / "iris"), tmp_path / "jsk.env"
    told = run(
        "publish", str(folder), "--image", image("iris").pinned, "--role", ROLE, "--dotenv", str(dotenv)
    )
    assert "published as iris 1" in told
    assert dotenv.read_text().splitlines() == ["JSK_CI_STUDIO_IMAGE=iris", "JSK_CI_STUDIO_VERSION=1"]
    again = as_json(run("publish", str(folder), "--image", image("iris").pinned, "--role", ROLE, "--json"))
    assert (again["version"], again["made"]) == (1, False)


def test_a_dry_run_changes_nothing(studio: Studio, run: Callable[..., str], tmp_path: Path) -> None:
    folder = kernel_folder(tmp_path / "iris")
    told = run("publish", str(folder), "--image", image("iris").pinned, "--dry-run")
    assert "Would publish" in told
    publish(studio)
    before = studio.changes()
    told = run("publish", str(folder), "--image", image("iris").pinned, "--dry-run")
    assert "is iris 1" in told
    assert studio.changes() == before


def test_the_image_of_the_pipeline_is_published_and_a_missing_one_or_role_is_told(
    studio: Studio, run: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = kernel_folder(tmp_path / "iris")
    assert "JSK_CI_IMAGE is not set" in run("publish", str(folder), "--role", ROLE, code=2)
    monkeypatch.setenv("JSK_CI_IMAGE", image("iris").pinned)
    assert "--role" in run("publish", str(folder), code=2)
    monkeypatch.setenv("JSK_CI_STUDIO_ROLE", ROLE)
    assert "published as iris 1" in run("publish", str(folder), "--form", "jupyterlab")
    assert list(studio.state.configs) == ["iris-v1-jupyterlab"]
    assert "no form 'codeeditor'" in run("publish", str(folder), "--form", "codeeditor", code=2)
