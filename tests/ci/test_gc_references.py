"""What jsk trials images lists is what jsk-ci gc reads: images of trials and objects, whoever made them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jsk_ci.referenced import parse
from jsk_saver import Experiment, Saver
from jsk_saver.cli.app import app
from jsk_saver.lineage import kernel
from jsk_saver.tracking.sinks import courier
from tests.ci.studio_kit import image


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Let this process run in a kernel image."""

    def be(reference: str, fingerprint: str) -> None:
        monkeypatch.setenv("JSK_KERNEL_IMAGE", reference)
        monkeypatch.setenv("JSK_KERNEL_FINGERPRINT", fingerprint)
        kernel.describe.cache_clear()

    monkeypatch.setattr(courier, "ensure", lambda journal: None)
    yield be
    kernel.describe.cache_clear()


def jsk(*arguments: str) -> str:
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_images_of_trials_and_objects_here_and_of_others_in_the_store(
    inside: Callable[[str, str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, first, second, third = (
        str(tmp_path / "store"),
        *(image("iris", number).pinned for number in (1, 2, 3)),
    )
    monkeypatch.setenv("JSK_STORE", store)
    # Somebody else's trial, which is in the store alone, and an object that was deleted since.
    monkeypatch.setenv("JSK_HOME", str(tmp_path / "another"))
    inside(first, "1" * 64)
    with Experiment("iris", sinks=["store"], saver=Saver()).trial("theirs", k=1) as trial:
        trial.log_metric("loss", 0.5)
    jsk("trials", "sync")
    inside(second, "2" * 64)
    Saver().put("a.json", 1)
    Saver().delete("a.json")
    # A trial of this machine that is sent nowhere.
    monkeypatch.setenv("JSK_HOME", str(tmp_path / "mine"))
    inside(third, "3" * 64)
    with Experiment("rose", sinks=(), saver=Saver()).trial("mine", k=1):
        pass
    listed = jsk("trials", "images")
    assert listed.splitlines()[-1] == "# end: 6 references"
    found = parse(listed)
    assert found.digests == {image("iris", number).digest for number in (1, 2, 3)}
    assert found.tags == {f"fp-{str(number) * 24}" for number in (1, 2, 3)}
    assert json.loads(jsk("trials", "images", "--json")) == sorted(listed.splitlines()[:-1])


def test_a_store_with_nothing_in_it_gives_a_whole_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JSK_STORE", str(tmp_path / "store"))
    listed = jsk("trials", "images")
    assert listed == "# end: 0 references\n"
    assert not parse(listed).digests
