"""The stand-in for Studio's control plane is as strict as the service, and keeps state as it does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from tests.ci.studio_kit import ROLE, image, publish
from tests.servers.studio import Studio


@pytest.fixture
def studio() -> Iterator[Studio]:
    with Studio() as server:
        yield server


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


@pytest.mark.parametrize(
    ("operation", "said"),
    [
        ("CreateImage", {"ImageName": "under_score", "RoleArn": ROLE}),
        ("CreateImage", {"ImageName": "i" * 64, "RoleArn": ROLE}),
        ("CreateImage", {"ImageName": "iris"}),
        ("CreateImage", {"ImageName": "iris", "RoleArn": ROLE, "Colour": "red"}),
        (
            "CreateImageVersion",
            {"ImageName": "iris", "BaseImage": "b", "ClientToken": "t" * 37},
        ),
        (
            "CreateImageVersion",
            {"ImageName": "iris", "BaseImage": "b", "ClientToken": "t", "ReleaseNotes": "n" * 256},
        ),
        (
            "CreateAppImageConfig",
            {"AppImageConfigName": "c", "KernelGatewayImageConfig": {"KernelSpecs": []}},
        ),
        (
            "CreateAppImageConfig",
            {
                "AppImageConfigName": "c",
                "KernelGatewayImageConfig": {"KernelSpecs": [{"Name": str(number)} for number in range(6)]},
            },
        ),
        (
            "CreateAppImageConfig",
            {
                "AppImageConfigName": "c",
                "JupyterLabAppImageConfig": {"FileSystemConfig": {"DefaultUid": 1000}},
            },
        ),
        *(
            (
                "CreateAppImageConfig",
                {"AppImageConfigName": "c", "JupyterLabAppImageConfig": {"ContainerConfig": config}},
            )
            for config in (
                {"ContainerEntrypoint": ["a", "b"]},
                {"ContainerArguments": ["a"] * 51},
                {"ContainerEnvironmentVariables": {f"V{number}": "v" for number in range(26)}},
            )
        ),
        ("CreateAppImageConfig", {"AppImageConfigName": "c"}),
    ],
)
def test_what_the_service_refuses_is_refused(studio: Studio, operation: str, said: dict) -> None:
    answer = studio.answer(operation, said)
    assert answer is not None
    assert answer[0] == 400
    assert answer[1]["__type"] == "ValidationException"
    assert studio.state.images == studio.state.configs == {}


@pytest.mark.parametrize("operation", ["InventedCall", "CreateTrainingJob"])
def test_an_operation_that_is_not_modelled_or_not_written_is_refused(studio: Studio, operation: str) -> None:
    answer = studio.answer(operation, {})
    assert answer is not None
    assert answer[0] == 400
    assert studio.violations


def test_answers_are_checked_against_the_model_too(studio: Studio) -> None:
    publish(studio)
    studio.state.images["iris"]["ImageStatus"] = "ALMOST"
    answer = studio.answer("DescribeImage", {"ImageName": "iris"})
    assert answer is not None
    assert answer[0] == 500
    assert "ALMOST" in studio.violations[-1]


def test_images_and_versions_take_time_and_numbers_grow(studio: Studio) -> None:
    client = studio.client
    client.create_image(ImageName="iris", RoleArn=ROLE)
    seen = [client.describe_image(ImageName="iris")["ImageStatus"] for _ in range(4)]
    assert seen == ["CREATING", "CREATING", "CREATED", "CREATED"]
    said = {"ImageName": "iris", "BaseImage": image("iris").pinned}
    first = client.create_image_version(**said, ClientToken="one")["ImageVersionArn"]
    assert client.create_image_version(**said, ClientToken="one")["ImageVersionArn"] == first
    with pytest.raises(ClientError, match="other parameters"):
        client.create_image_version(ImageName="iris", BaseImage="another", ClientToken="one")
    assert client.create_image_version(**said, ClientToken="two")["ImageVersionArn"].endswith("/iris/2")
    client.delete_image_version(ImageName="iris", Version=2)
    assert client.create_image_version(**said, ClientToken="three")["ImageVersionArn"].endswith("/iris/3")
    assert not studio.violations


def test_a_bad_base_image_fails_with_its_reason(studio: Studio) -> None:
    client = studio.client
    client.create_image(ImageName="iris", RoleArn=ROLE)
    for _ in range(3):
        client.describe_image(ImageName="iris")
    studio.state.bad_images["nowhere"] = "it is not there"
    client.create_image_version(ImageName="iris", BaseImage="nowhere", ClientToken="t")
    for _ in range(3):
        found = client.describe_image_version(ImageName="iris", Version=1)
    assert (found["ImageVersionStatus"], found["FailureReason"]) == ("CREATE_FAILED", "it is not there")


def test_a_domain_is_replaced_block_by_block_shows_it_when_done_and_is_busy_until_then(
    studio: Studio,
) -> None:
    publish(studio)
    publish(studio, number=2)
    client, state = studio.client, studio.state
    entry = {"ImageName": "iris", "AppImageConfigName": "iris-v1-jupyterlab", "ImageVersionNumber": 1}
    code_editor = {"DefaultResourceSpec": {"InstanceType": "ml.t3.medium"}}
    lab = {"CodeRepositories": [{"RepositoryUrl": "https://example.org/a.git"}], "CustomImages": [entry]}
    state.add_domain("d-1", {"JupyterLabAppSettings": lab, "CodeEditorAppSettings": code_editor})
    newer = {**entry, "ImageVersionNumber": 2}
    change = {"DefaultUserSettings": {"JupyterLabAppSettings": {"CustomImages": [newer]}}}
    client.update_domain(DomainId="d-1", **change)
    with pytest.raises(ClientError) as busy:
        client.update_domain(DomainId="d-1", **change)
    assert code(busy) == "ResourceInUse"
    during = client.describe_domain(DomainId="d-1")
    assert during["Status"] == "Updating"
    assert during["DefaultUserSettings"]["JupyterLabAppSettings"]["CustomImages"] == [entry]
    while (after := client.describe_domain(DomainId="d-1"))["Status"] != "InService":
        pass
    settings = after["DefaultUserSettings"]
    assert settings["JupyterLabAppSettings"] == {"CustomImages": [newer]}  # the repository is gone with it
    assert settings["CodeEditorAppSettings"] == code_editor


@pytest.mark.parametrize("user", ["domain", "profile", "space", "app"])
def test_a_version_that_is_referred_to_cannot_be_deleted(studio: Studio, user: str) -> None:
    publish(studio)
    state = studio.state
    entry = {"ImageName": "iris", "AppImageConfigName": "iris-v1-jupyterlab", "ImageVersionNumber": 1}
    block = {"JupyterLabAppSettings": {"CustomImages": [entry]}}
    spec = {"DefaultResourceSpec": {"SageMakerImageVersionArn": state.version_arn("iris", 1)}}
    state.add_domain("d-1", block if user == "domain" else {})
    if user == "profile":
        state.add_profile("d-1", "ada", block)
    if user == "space":
        state.add_space("d-1", "lab", {"JupyterLabAppSettings": spec})
    if user == "app":
        state.add_app("d-1", "lab", state.version_arn("iris", 1))
    with pytest.raises(ClientError) as refused:
        studio.client.delete_image_version(ImageName="iris", Version=1)
    assert code(refused) == "ResourceInUse"
    state.guards = False
    studio.client.delete_image_version(ImageName="iris", Version=1)
    assert len(state.harm) == 1


def test_lists_have_pages(studio: Studio) -> None:
    for number in range(1, 6):
        publish(studio, number=number)
    client = studio.client
    first = client.list_image_versions(ImageName="iris")
    assert len(first["ImageVersions"]) == 3
    second = client.list_image_versions(ImageName="iris", NextToken=first["NextToken"])
    assert [item["Version"] for item in second["ImageVersions"]] == [4, 5]
    assert "NextToken" not in second


def test_it_goes_wrong_on_demand(studio: Studio) -> None:
    client = studio.client
    studio.throttle("CreateImage")
    with pytest.raises(ClientError) as throttled:
        client.create_image(ImageName="iris", RoleArn=ROLE)
    assert code(throttled) == "ThrottlingException"
    studio.cut_next("CreateImage", done=True)
    with pytest.raises(ConnectionClosedError):
        client.create_image(ImageName="iris", RoleArn=ROLE)
    assert "iris" in studio.state.images
    studio.deny("CreateImage")
    with pytest.raises(ClientError) as denied:
        client.create_image(ImageName="rose", RoleArn=ROLE)
    assert code(denied) == "AccessDeniedException"
