"""A candidate gets its tags: none is moved, doing it twice is well, and nothing is half published."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from jsk_ci import build, candidates, fingerprint, project, push
from jsk_ci.errors import ProjectError, RegistryError, TagTaken
from jsk_ci.references import Reference
from jsk_ci.registry_http import Patience
from tests.ci import locked
from tests.ci.images import Made, kernel_image, repository
from tests.servers.faults import FaultyProxy

pytestmark = pytest.mark.usefixtures("no_logins")

ROOT = Path(__file__).parents[2]
_NUMBERS = itertools.count()
PRINT = "ab" * 32
FP = fingerprint.tag(PRINT)
CANDIDATE = candidates.local_tag(PRINT)


@pytest.fixture
def place(registry):
    return repository(registry.host, f"kernels{next(_NUMBERS)}/iris")


def test_a_candidate_becomes_known_by_its_fingerprint(place):
    there = kernel_image(PRINT).send(place, CANDIDATE)
    digest = push.find(place, PRINT)
    done = push.push(place, PRINT, digest, tags=["develop-1a2b3c4"])
    assert str(done.image) == f"{place.name}@{there}"
    assert done.added == ("develop-1a2b3c4", FP)
    assert {tag: place.digest(tag) for tag in place.tags()} == dict.fromkeys(
        [CANDIDATE, FP, "develop-1a2b3c4"], there
    )


def test_doing_it_again_changes_nothing(registry, place):
    kernel_image(PRINT).send(place, CANDIDATE)
    push.push(place, PRINT, push.find(place, PRINT), tags=["develop-1a2b3c4"])
    with FaultyProxy(registry.endpoint) as proxy:
        seen = repository(proxy.endpoint.removeprefix("http://"), place.name.repository)
        done = push.push(seen, PRINT, push.find(seen, PRINT), tags=["develop-1a2b3c4"])
        assert proxy.count("PUT") == 0
    assert done.added == ()
    assert done.already == ("develop-1a2b3c4", FP)


def test_without_its_candidate_the_image_is_found_by_its_fingerprint(place):
    there = kernel_image(PRINT).send(place, FP)
    assert push.find(place, PRINT) == there
    assert push.push(place, PRINT, there, tags=["more"]).added == ("more",)


def test_no_tag_is_given_if_one_is_taken(place):
    other = kernel_image("cd" * 32).send(place, "develop-1a2b3c4")
    digest = kernel_image(PRINT).send(place, CANDIDATE)
    with pytest.raises(TagTaken, match="develop-1a2b3c4"):
        push.push(place, PRINT, digest, tags=["free", "develop-1a2b3c4"])
    assert sorted(place.tags()) == [CANDIDATE, "develop-1a2b3c4"]
    assert place.digest("develop-1a2b3c4") == other


def test_the_fingerprints_tag_is_never_moved(place):
    first = kernel_image(PRINT, files={"n": b"1"}).send(place, FP)
    kernel_image(PRINT, files={"n": b"2"}).send(place, CANDIDATE)
    with pytest.raises(TagTaken):
        push.push(place, PRINT, str(push.find(place, PRINT)), tags=["more"])
    assert place.digest(FP) == first
    assert place.digest("more") is None


def test_the_same_layers_built_again_are_the_image_that_is_known(place):
    first = kernel_image(PRINT, commit="1").send(place, FP)
    second = kernel_image(PRINT, commit="2").send(place, CANDIDATE)
    assert first != second
    assert push.find(place, PRINT) == first
    assert push.find(place, PRINT, Reference.parse(f"{place.name}@{second}")) == first


def test_moving_tags_move(place):
    kernel_image("cd" * 32).send(place, "develop")
    digest = kernel_image(PRINT).send(place, CANDIDATE)
    assert push.push(place, PRINT, digest, moving=["develop"]).added == ("develop", FP)
    assert place.digest("develop") == digest


def test_an_image_of_another_fingerprint_gets_no_tag(place):
    kernel_image("cd" * 32).send(place, CANDIDATE)
    with pytest.raises(RegistryError, match="has the fingerprint cdcd"):
        push.find(place, PRINT)
    assert place.tags() == [CANDIDATE]


def test_an_image_that_is_not_the_kits_gets_no_tag(place):
    Made().send(place, CANDIDATE)
    with pytest.raises(ProjectError, match="not a kernel image"):
        push.find(place, PRINT)


def test_an_image_of_another_repository_is_refused(place):
    with pytest.raises(ProjectError, match="is not in"):
        push.find(place, PRINT, Reference.parse(f"{place.name}-other@sha256:{'0' * 64}"))


def test_a_dry_run_gives_no_tag(place):
    digest = kernel_image(PRINT).send(place, CANDIDATE)
    assert push.push(place, PRINT, digest, dry_run=True).added == (FP,)
    assert place.tags() == [CANDIDATE]


def test_a_registry_that_dies_between_two_tags_has_an_image_that_no_plan_finds(own_registry):
    """Killed for real, at the moment the second tag is asked for; started again on what it kept."""
    place = repository(own_registry.host, "kernels/iris")
    digest = kernel_image(PRINT).send(place, CANDIDATE)
    with FaultyProxy(own_registry.endpoint) as proxy:
        proxy.call_next("PUT", lambda _: own_registry.kill(), path=f"*/{FP}")
        seen = repository(proxy.endpoint.removeprefix("http://"), place.name.repository)
        seen.connection.patience = Patience(attempts=2, first=0.01)
        with pytest.raises(RegistryError) as caught:
            push.push(seen, PRINT, digest, tags=["develop-1a2b3c4"])
        assert "develop-1a2b3c4" in caught.value.kept
        own_registry.start()
        assert place.digest(FP) is None
        assert place.digest("develop-1a2b3c4") == digest
        done = push.push(seen, PRINT, push.find(seen, PRINT), tags=["develop-1a2b3c4"])
    assert done.added == (FP,)
    assert place.digest(FP) == digest


@pytest.mark.parametrize("after", range(1, 9))
def test_a_push_that_is_killed_anywhere_is_completed_by_the_next(place, registry, tmp_path, after):
    """The process is killed at its n-th request; whatever is there then, no tag means another image."""
    digest = kernel_image(PRINT).send(place, CANDIDATE)
    code = f"""
        import sys
        from jsk_ci import push
        from tests.ci.images import repository
        place = repository(sys.argv[1], {place.name.repository!r})
        push.push(place, {PRINT!r}, push.find(place, {PRINT!r}), tags=["first", "second"])
    """
    import textwrap

    with FaultyProxy(registry.endpoint) as proxy:
        host = proxy.endpoint.removeprefix("http://")
        process: list[subprocess.Popen[bytes]] = []
        proxy.call_next("*", lambda _: None, times=after)
        proxy.call_next("*", lambda _: process[0].kill())
        process.append(
            subprocess.Popen(
                [sys.executable, "-c", textwrap.dedent(code), host],
                env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'ci'}"},
            )
        )
        assert process[0].wait() == -9
    left = {tag: place.digest(tag) for tag in place.tags()}
    assert set(left.values()) == {digest}
    assert FP not in left or {"first", "second"} <= set(left)
    push.push(place, PRINT, push.find(place, PRINT), tags=["first", "second"])
    assert sorted(place.tags()) == sorted([CANDIDATE, FP, "first", "second"])


def test_a_slow_registry_is_waited_for(registry, place):
    digest = kernel_image(PRINT).send(place, CANDIDATE)
    with FaultyProxy(registry.endpoint) as proxy:
        proxy.delay_next(seconds=0.3, times=100)
        seen = repository(proxy.endpoint.removeprefix("http://"), place.name.repository)
        assert push.push(seen, PRINT, push.find(seen, PRINT)).added == (FP,)
    assert place.digest(FP) == digest


# From an engine -------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def buildah():
    from jsk_ci.builders.buildah import Buildah

    if not Buildah.available():
        pytest.skip("buildah is not installed (Debian: buildah): make servers")
    return Buildah()


@pytest.mark.slow
@pytest.mark.parametrize("named", ["local", "candidate"])
def test_without_a_candidate_the_image_of_this_machine_is_pushed(place, buildah, tmp_path, named):
    """A real image, from nothing, with a real builder."""
    print_ = f"{next(_NUMBERS):08x}" * 8
    local = build.local_name("iris", print_)
    source = local if named == "local" else str(place.name.with_tag(candidates.local_tag(print_)))
    labels = [f"LABEL {key}={json.dumps(value)}" for key, value in kernel_image(print_).labels.items()]
    (tmp_path / "hello").write_text("hello\n")
    (tmp_path / "Dockerfile").write_text("\n".join(["FROM scratch", "COPY hello /", *labels]))
    subprocess.run(["buildah", "bud", "--format", "docker", "-q", "-t", source, tmp_path], check=True)
    try:
        assert push.find(place, print_) is None
        digest = push.find(place, print_, None, buildah)
        push.push(place, print_, str(digest))
        assert place.digest(fingerprint.tag(print_)) == digest
        assert place.labels(str(digest))["io.jsk.kernel.fingerprint"] == print_
    finally:
        buildah.remove(source)


# The command ----------------------------------------------------------------------------------------


@pytest.fixture
def kernel(tmp_path, registry, index):
    Made().send(repository(registry.host, "debian"), "12")
    folder = locked.write(tmp_path / "iris", index, "leaf==1.0", kernel=f'from = "{registry.host}/debian:12"')
    locked.lock(folder)
    locked.commit(folder)
    return folder


def test_the_command_pushes_what_the_steps_before_handed_on(kernel, registry, tmp_path):
    place = repository(registry.host, f"kernels{next(_NUMBERS)}/churn")
    inputs = fingerprint.gather(project.read(kernel), str(repository(registry.host, "debian").digest("12")))
    there = kernel_image(inputs.fingerprint, "churn").send(place, candidates.local_tag(inputs.fingerprint))
    where = f"{registry.host}/{place.name.repository.partition('/')[0]}"
    handed = {"JSK_CI_IMAGE": f"{place.name}@{there}", "JSK_CI_FINGERPRINT": inputs.fingerprint}
    for environment in (handed, {}):
        done = _command(
            "push",
            kernel,
            "--registry",
            where,
            "--tag",
            "develop-1",
            "--dotenv",
            tmp_path / "e",
            "--json",
            **environment,
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["image"] == f"{place.name}@{there}"
    assert json.loads(done.stdout)["added"] == []
    assert f"JSK_CI_IMAGE={place.name}@{there}\n" in (tmp_path / "e").read_text()


def test_the_command_says_how_to_get_an_image_that_is_nowhere(kernel, registry):
    done = _command("push", kernel, "--registry", f"{registry.host}/nothing-there", "--dry-run")
    assert done.returncode == 2
    assert f"jsk-ci build {kernel} --candidate --registry {registry.host}/nothing-there\n" in done.stderr


@pytest.mark.slow
def test_the_command_pushes_from_this_machine_with_a_jobs_login(
    kernel, buildah, guarded, tmp_path, monkeypatch
):
    for name, value in (("", guarded.host), ("_USER", "ada"), ("_PASSWORD", "se:cret")):
        monkeypatch.setenv(f"CI_REGISTRY{name}", value)
    print_ = f"{next(_NUMBERS):08x}" * 8
    source = build.local_name("churn", print_)
    labels = [
        f"LABEL {key}={json.dumps(value)}" for key, value in kernel_image(print_, "churn").labels.items()
    ]
    (tmp_path / "Dockerfile").write_text("\n".join(["FROM scratch", "COPY Dockerfile /", *labels]))
    subprocess.run(["buildah", "bud", "--format", "docker", "-q", "-t", source, tmp_path], check=True)
    where, chosen = f"{guarded.host}/of-a-job", {"JSK_CI_FINGERPRINT": print_, "JSK_CI_BUILDER": "buildah"}
    try:
        done = _command("push", kernel, "--registry", where, "--json", **chosen)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["added"] == [fingerprint.tag(print_)]
        assert "se:cret" not in done.stdout + done.stderr
    finally:
        buildah.remove(source)


def test_the_command_says_how_to_log_in(kernel, guarded):
    done = _command("push", kernel, "--registry", f"{guarded.host}/kernels", JSK_CI_FINGERPRINT=PRINT)
    assert done.returncode == 6
    assert f"docker login {guarded.host}" in done.stderr


def _command(*words: object, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'ci'}", **more}
    return subprocess.run(
        [sys.executable, "-m", "jsk_ci.cli", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
