"""Rolling back: the version before, or one that is named; and what still runs the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.ci.studio_kit import as_json, commands, image, kernel_folder, offered, publish
from tests.servers.studio import Studio

LAB, GATEWAY = "JupyterLabAppSettings", "KernelGatewayAppSettings"


@pytest.fixture
def studio() -> Iterator[Studio]:
    with Studio() as server:
        server.state.add_domain("d-1")
        yield server
    assert not server.violations


@pytest.fixture
def run(studio: Studio, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., str]:
    """Run a step on the kernel ``iris`` and the domain ``d-1``."""
    command, folder = commands(studio, monkeypatch), str(kernel_folder(tmp_path / "iris"))

    def run(step: str, *arguments: str, code: int = 0) -> str:
        return command(step, folder, "--domain", "d-1", "--no-lease", *arguments, code=code)

    return run


def test_the_version_before_is_offered_with_its_own_configuration(
    studio: Studio, run: Callable[..., str]
) -> None:
    for number in (1, 2, 3):
        publish(studio, number=number)
    run("attach")
    state = studio.state
    state.add_app("d-1", "lab", state.version_arn("iris", 3))
    told = run("rollback")
    assert "The domain d-1 offers iris 2." in told
    assert "DefaultUserSettings.JupyterLabAppSettings  was: version 3" in told
    assert "JupyterLab app default of lab in d-1 keeps version 3 until it is started anew" in told
    assert offered(studio, "d-1", LAB) == offered(studio, "d-1", GATEWAY) == {"iris": 2}
    (entry,) = state.domains["d-1"]["DefaultUserSettings"][LAB]["CustomImages"]
    config = state.configs[entry["AppImageConfigName"]]["JupyterLabAppImageConfig"]["ContainerConfig"]
    assert config["ContainerEnvironmentVariables"]["JSK_KERNEL_IMAGE"] == image("iris", 2).pinned
    run("rollback")
    assert offered(studio, "d-1", LAB) == {"iris": 1}


def test_a_version_that_failed_is_passed_over(studio: Studio, run: Callable[..., str]) -> None:
    publish(studio, number=1)
    studio.state.bad_images[image("iris", 2).pinned] = "no"
    with pytest.raises(Exception, match="CREATE_FAILED"):
        publish(studio, number=2)
    publish(studio, number=3)
    run("attach")
    assert as_json(run("rollback", "--json"))["version"] == 1


def test_a_named_version_is_offered_also_a_later_one(studio: Studio, run: Callable[..., str]) -> None:
    for number in (1, 2, 3):
        publish(studio, number=number)
    run("attach")
    run("rollback", "--to", "1")
    assert offered(studio, "d-1", LAB) == {"iris": 1}
    run("rollback", "--to", "3")
    assert offered(studio, "d-1", LAB) == {"iris": 3}


def test_it_is_refused_where_there_is_nothing_to_go_back_to(studio: Studio, run: Callable[..., str]) -> None:
    publish(studio)
    assert "does not offer 'iris'" in run("rollback", code=3)
    run("attach")
    assert "offers iris 1, and no earlier version is there" in run("rollback", code=3)
    assert "no version 9" in run("rollback", "--to", "9", code=3)
    assert offered(studio, "d-1", LAB) == {"iris": 1}


def test_a_configuration_that_somebody_deleted_is_made_again(studio: Studio, run: Callable[..., str]) -> None:
    for number in (1, 2):
        publish(studio, number=number)
    run("attach")
    del studio.state.configs["iris-v1-jupyterlab"]
    run("rollback")
    assert offered(studio, "d-1", LAB) == {"iris": 1}


def test_one_that_is_not_pinned_counts_as_the_newest(studio: Studio, run: Callable[..., str]) -> None:
    for number in (1, 2):
        publish(studio, number=number)
    entry = {"ImageName": "iris", "AppImageConfigName": "iris-v2-jupyterlab"}
    studio.state.domains["d-1"]["DefaultUserSettings"][LAB] = {"CustomImages": [entry]}
    assert "was: version not pinned" in run("rollback")
    assert offered(studio, "d-1", LAB) == {"iris": 1}


def test_a_dry_run_changes_nothing(studio: Studio, run: Callable[..., str]) -> None:
    for number in (1, 2):
        publish(studio, number=number)
    run("attach")
    before = studio.changes()
    assert "would offer iris 1" in run("rollback", "--dry-run")
    assert studio.changes() == before
