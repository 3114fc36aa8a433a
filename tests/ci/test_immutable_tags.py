"""Registries that never let a tag be moved (ECR: IMMUTABLE): what is done twice, or at once, ends well."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from jsk_ci import candidates, fingerprint, push, registry_copy
from jsk_ci.builders.base import Image
from jsk_ci.builders.buildah import Buildah
from jsk_ci.errors import ProjectError, RegistryError, TagTaken
from jsk_ci.references import Reference
from jsk_ci.registry import Repository
from tests.ci.building import Kernels
from tests.ci.building import Made as Built
from tests.ci.images import kernel_image, repository
from tests.servers.faults import FaultyProxy
from tests.servers.immutable import ImmutableTags
from tests.servers.registry import Registry

pytestmark = pytest.mark.usefixtures("no_logins")

_NUMBERS = itertools.count()
PRINT = "ab" * 32
FP, CANDIDATE = fingerprint.tag(PRINT), candidates.local_tag(PRINT)


@pytest.fixture
def immutable(registry: Registry) -> Iterator[ImmutableTags]:
    with ImmutableTags(registry.endpoint) as server:
        yield server


@pytest.fixture
def images(immutable: ImmutableTags) -> Repository:
    return repository(immutable.host, f"immutable{next(_NUMBERS)}/iris")


# Candidates -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def buildah() -> Buildah:
    if not Buildah.available():
        pytest.skip("buildah is not installed (Debian: buildah): make servers")
    return Buildah()


class Maker:
    """Builds images from nothing, and pushes them as candidates."""

    def __init__(self, buildah: Buildah, folder: Path, images: Repository) -> None:
        self.buildah, self.folder, self.images = buildah, folder, images

    def build(self, content: str, commit: str = "") -> Image:
        """Build an image that nobody has: other content, other layers; another commit, other labels alone."""
        told = kernel_image(PRINT, commit=commit).labels
        (self.folder / "hello").write_text(content)
        text = ["FROM scratch", "COPY hello /", *(f"LABEL {key}={json.dumps(told[key])}" for key in told)]
        (self.folder / "Dockerfile").write_text("\n".join(text))
        name = str(self.images.name.with_tag(CANDIDATE))
        command = [
            "buildah",
            "bud",
            "--layers",
            "--format",
            "docker",
            "--timestamp",
            "1600000000",
            "-q",
            "-t",
            name,
        ]
        subprocess.run([*command, self.folder], check=True)
        image = self.buildah.inspect(name)
        assert image
        return image

    def push(self, image: Image) -> str:
        return str(candidates.push(image, self.buildah).digest)


@pytest.fixture
def maker(buildah: Buildah, tmp_path: Path, images: Repository) -> Iterator[Maker]:
    yield Maker(buildah, tmp_path, images)
    buildah.remove(str(images.name.with_tag(CANDIDATE)))


def test_the_registry_refuses_a_tag_that_is_there_even_for_the_same_image_as_ecr_does(
    maker: Maker, immutable: ImmutableTags
) -> None:
    image = maker.build("one")
    target = maker.images.name.with_tag("1")
    maker.buildah.push(image.reference, target)
    with pytest.raises(RegistryError, match=r"tag invalid: The image tag '1' already exists"):
        maker.buildah.push(image.reference, target)
    assert immutable.refused == ["1"]


def test_a_build_that_is_done_again_and_comes_out_the_same_finds_its_candidate(
    maker: Maker, immutable: ImmutableTags
) -> None:
    first = maker.push(maker.build("one"))
    assert maker.push(maker.build("one")) == first
    assert len(maker.images.tags()) == 1
    assert immutable.refused == []


def test_a_build_that_comes_out_otherwise_is_a_candidate_of_its_own(
    maker: Maker, immutable: ImmutableTags
) -> None:
    built = [("one", ""), ("one", "1a2b3c4"), ("two", "")]
    digests = {maker.push(maker.build(*one)) for one in built}
    assert len(digests) == 3
    tags = maker.images.tags()
    assert all(tag.startswith(f"{CANDIDATE}-") for tag in tags)
    assert {maker.images.digest(tag) for tag in tags} == digests
    assert immutable.refused == []


def test_of_two_jobs_that_push_the_same_image_at_once_both_have_it(
    maker: Maker, registry: Registry, immutable: ImmutableTags
) -> None:
    """The other's push ends between our look and our push: ours is refused, and finds that it is there."""
    image = maker.build("one")
    with FaultyProxy(immutable.endpoint) as proxy:
        host = proxy.endpoint.removeprefix("http://")
        proxy.call_next("PUT", lambda _: maker.push(image), path="*/manifests/*")
        target = repository(host, maker.images.name.repository).name.with_tag(CANDIDATE)
        ours = candidates.push(image, maker.buildah, target)
    assert len(immutable.refused) == 1
    assert maker.images.tags() == [candidates.tag(CANDIDATE, image)]
    assert maker.images.digest(maker.images.tags()[0]) == ours.digest


def test_a_candidates_tag_that_means_something_else_is_never_taken_for_it(
    maker: Maker, immutable: ImmutableTags
) -> None:
    image = maker.build("one")
    kernel_image(PRINT).send(maker.images, candidates.tag(CANDIDATE, image))
    with pytest.raises(RegistryError, match="cannot be overwritten because the repository is immutable"):
        maker.push(image)


def test_several_candidates_are_told_apart_by_whoever_pushes_by_hand(images: Repository) -> None:
    one = kernel_image(PRINT, commit="1").send(images, f"{CANDIDATE}-{1:012x}")
    kernel_image(PRINT, commit="2").send(images, f"{CANDIDATE}-{2:012x}")
    assert push.find(images, PRINT) == one
    other = kernel_image(PRINT, files={"n": b"2"}).send(images, f"{CANDIDATE}-{3:012x}")
    with pytest.raises(ProjectError, match="has 3 candidates") as caught:
        push.find(images, PRINT)
    assert f"jsk-ci push --image {images.name}@sha256:" in caught.value.hint
    meant = Reference.parse(f"{images.name}@{other}")
    assert push.push(images, PRINT, str(push.find(images, PRINT, meant))).added == (FP,)


# Delivery -------------------------------------------------------------------------------------------


def test_each_tag_is_given_once_however_often_a_job_runs(
    images: Repository, immutable: ImmutableTags
) -> None:
    digest = kernel_image(PRINT).send(images, f"{CANDIDATE}-{1:012x}")
    for added in (("develop-1-1a2b3c4", FP), ()):
        assert push.push(images, PRINT, digest, tags=["develop-1-1a2b3c4"]).added == added
    assert immutable.refused == []


def test_of_two_pipelines_with_the_same_layers_the_first_ones_image_counts(
    images: Repository, immutable: ImmutableTags
) -> None:
    """The other pipeline gives the fingerprint's tag right before ours is given, after all was looked at."""
    first = kernel_image(PRINT, commit="1").send(images, f"{CANDIDATE}-{1:012x}")
    second = kernel_image(PRINT, commit="2").send(images, f"{CANDIDATE}-{2:012x}")
    with FaultyProxy(immutable.endpoint) as proxy:
        seen = repository(proxy.endpoint.removeprefix("http://"), images.name.repository)
        proxy.call_next("PUT", lambda _: push.push(images, PRINT, first), path=f"*/{FP}")
        done = push.push(seen, PRINT, second)
    assert (done.image.digest, done.already) == (first, (FP,))
    assert (images.digest(FP), immutable.refused) == (first, [FP])


def test_of_two_pipelines_with_other_layers_the_second_is_told_what_to_do(images: Repository) -> None:
    first = kernel_image(PRINT, files={"n": b"1"}).send(images, FP)
    second = kernel_image(PRINT, files={"n": b"2"}).send(images, f"{CANDIDATE}-{2:012x}")
    with pytest.raises(TagTaken) as caught:
        push.push(images, PRINT, second)
    assert "Run the whole pipeline anew" in caught.value.hint
    assert images.digest(FP) == first


def test_a_tag_that_moves_is_refused_with_its_reason(images: Repository) -> None:
    first = kernel_image("cd" * 32).send(images, "develop")
    digest = kernel_image(PRINT).send(images, CANDIDATE)
    with pytest.raises(TagTaken) as caught:
        push.push(images, PRINT, digest, moving=["develop"])
    assert "does not let tags be moved" in caught.value.hint
    assert (images.digest("develop"), images.digest(FP)) == (first, None)


def test_a_copy_for_production_that_is_made_twice_is_one(
    images: Repository, immutable: ImmutableTags
) -> None:
    digest = kernel_image(PRINT).send(images, FP)
    target = repository(immutable.host, f"immutable{next(_NUMBERS)}/iris")
    for _ in range(2):
        registry_copy.copy(images, digest, target)
        target.tag(digest, "1.4.0")
    assert (target.digest("1.4.0"), target.tags(), immutable.refused) == (digest, ["1.4.0"], [])


# The jobs of a pipeline -----------------------------------------------------------------------------


@pytest.mark.slow
def test_every_job_of_a_pipeline_may_run_twice_and_two_pipelines_at_once(
    kernels: Kernels, base: Built, tmp_path: Path
) -> None:
    """As ``jsk-ci plan`` writes them: real builds, each job twice, then a second pipeline beside it."""
    name = f"twice-{kernels.builder.name}"
    folder = kernels.write(name, "fresh", kernel=f'base = "{base.pinned}"')
    with ImmutableTags(kernels.place.registry.endpoint) as immutable:
        where = f"{immutable.host}/immutable{next(_NUMBERS)}"

        def job(*words: str, **handed: str) -> dict[str, object]:
            environment = {**os.environ, "JSK_CI_REGISTRY": where, **handed}
            command = [sys.executable, "-m", "jsk_ci.cli", words[0], str(folder), *words[1:], "--json"]
            done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
            assert done.returncode == 0, done.stderr
            found: dict[str, object] = json.loads(done.stdout)
            return found

        def pipeline(number: int) -> str:
            build = ("build", "--candidate", "--builder", kernels.builder.name)
            built = [job(*build), job(*build, "--fresh")]
            assert len({tuple(one["layers"]) for one in built}) == 1  # type: ignore[arg-type]
            handed = {"JSK_CI_IMAGE": str(built[1]["pushed"])}
            handed["JSK_CI_FINGERPRINT"] = str(built[1]["fingerprint"])
            pushed = [job("push", **handed) for _ in range(2)]
            handed["JSK_CI_IMAGE"] = str(pushed[1]["image"])
            tag = f"develop-{number}-1a2b3c4"
            last = [job("push", "--tag", tag, **handed) for _ in range(2)]
            assert last[1]["added"] == []
            return str(last[1]["image"])

        with ThreadPoolExecutor(2) as pool:
            delivered = set(pool.map(pipeline, (1, 2)))
        assert len(delivered) == 1
        released = [job("promote", "--to", "1.0.0-rc") for _ in range(2)]
        assert {str(one["version"]) for one in released} == {"1.0.0-rc.1"}
        assert job("plan")["decision"] == "nothing"
        there = repository(immutable.host, f"{where.rpartition('/')[2]}/{name}")
        tags = {tag: there.digest(tag) for tag in there.tags() if not tag.startswith(candidates.PREFIX)}
        assert sorted(tags)[:3] == ["1.0.0-rc.1", "develop-1-1a2b3c4", "develop-2-1a2b3c4"]
        assert set(tags.values()) == {delivered.pop().partition("@")[2]}
