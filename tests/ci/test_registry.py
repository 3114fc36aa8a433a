"""A registry is asked, tagged and copied by digest; whatever it does, no tag comes to mean another image."""

from __future__ import annotations

import http.client
import itertools
import json
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from jsk_ci import registry_copy, registry_http
from jsk_ci.errors import ProjectError, RegistryError, TagTaken
from jsk_ci.references import Reference
from jsk_ci.registry import Repository
from jsk_ci.registry_http import Connection, Patience
from tests.ci.images import DOCKER, DOCKER_LIST, OCI, OCI_LIST, Made, digest, repository
from tests.servers.faults import FaultyProxy
from tests.servers.proxy import RelayServer
from tests.servers.threaded import Threaded

pytestmark = pytest.mark.usefixtures("no_logins")

_NUMBERS = itertools.count()
NOWHERE = "sha256:" + "0" * 64


@pytest.fixture
def place(registry):
    return repository(registry.host, f"tests/n{next(_NUMBERS)}")


# What is there --------------------------------------------------------------------------------------


@pytest.mark.parametrize("media_type", [DOCKER, OCI])
def test_what_a_tag_means_is_told_with_its_labels(place, media_type):
    made = Made(labels={"origin": "tests"}, media_type=media_type, files={"kind": media_type.encode()})
    there = made.send(place, "first")
    assert place.digest("first") == there == made.manifest.digest
    assert place.labels("first") == {"origin": "tests"}
    assert place.manifest(there).content == made.manifest.content
    assert place.manifest(there).media_type == media_type


def test_what_is_not_there_is_nothing_and_no_error(place):
    assert place.digest("first") is None
    assert place.tags() == []
    with pytest.raises(RegistryError, match=r"There is no .*:first"):
        place.manifest("first")


@pytest.mark.parametrize(("image", "many"), [(DOCKER, DOCKER_LIST), (OCI, OCI_LIST)])
def test_of_several_platforms_ours_is_taken(place, image, many):
    ours = Made(labels={"for": "us"}, media_type=image).send(place)
    theirs = Made(labels={"for": "them"}, media_type=image).send(place)
    _send_list(place, many, {"arm64": theirs, "amd64": ours}, "all")
    assert place.image("all").digest == ours
    assert place.labels("all") == {"for": "us"}
    assert place.digest("all") not in (ours, theirs)


def test_an_image_for_other_machines_alone_is_told(place):
    theirs = Made().send(place)
    _send_list(place, OCI_LIST, {"arm64": theirs}, "all")
    with pytest.raises(ProjectError, match="no image for linux/amd64"):
        place.image("all")


def test_tags_come_in_pages(registry, place):
    for number in range(5):
        Made().send(place, f"t{number}")
    with Pages(registry.endpoint, size=2) as paged:
        found = Repository(Reference.parse(f"{paged.host}/{place.name.repository}")).tags()
        assert paged.asked == 3
    assert sorted(found) == sorted(place.tags()) == [f"t{number}" for number in range(5)]


def test_tags_without_an_end_are_an_error(registry, place, monkeypatch):
    monkeypatch.setattr("jsk_ci.registry._PAGES", 3)
    Made().send(place, "t")
    with Pages(registry.endpoint, size=0) as paged, pytest.raises(RegistryError, match="no end"):
        Repository(Reference.parse(f"{paged.host}/{place.name.repository}")).tags()


# Tags -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("media_type", [DOCKER, OCI])
def test_a_further_tag_sends_no_layer(registry, place, media_type):
    there = Made(media_type=media_type).send(place, "first")
    with FaultyProxy(registry.endpoint) as proxy:
        seen = _through(proxy, place)
        assert seen.tag(there, "second") is True
        assert proxy.count("PUT") == 1
        assert proxy.count("*", "*/blobs/*") == 0
        assert seen.tag(there, "second") is False
        assert proxy.count("PUT") == 1
    assert place.manifest("second").content == place.manifest("first").content


def test_a_tag_that_is_taken_is_not_moved(place):
    old, new = Made({"n": "1"}).send(place, "1.4.0"), Made({"n": "2"}).send(place)
    with pytest.raises(TagTaken, match=r"1\.4\.0 of .* is taken") as caught:
        place.tag(new, "1.4.0")
    assert caught.value.exit_code == 5
    assert place.digest("1.4.0") == old


@pytest.mark.parametrize("tag", ["fp-0123456789abcdef01234567", "1.4.0", "v1.4.0", "1.4.0-rc.1"])
def test_permanent_tags_are_not_moved_even_when_asked(place, tag):
    old, new = Made({"n": "1"}).send(place, tag), Made({"n": "2"}).send(place)
    with pytest.raises(TagTaken):
        place.tag(new, tag, moves=True)
    assert place.digest(tag) == old


def test_other_tags_are_moved_when_asked(place):
    Made({"n": "1"}).send(place, "develop")
    new = Made({"n": "2"}).send(place)
    assert place.tag(new, "develop", moves=True)
    assert place.digest("develop") == new


def test_what_is_no_tag_is_refused_before_anything_is_asked(place):
    with pytest.raises(ProjectError, match="no tag"):
        place.tag(NOWHERE, "feature/x")


def test_a_tag_for_what_is_not_there_is_an_error(place):
    Made().send(place, "first")
    with pytest.raises(RegistryError, match="There is no"):
        place.tag(NOWHERE, "second")
    assert place.tags() == ["first"]


def test_deleting_takes_the_image_with_its_tags(place):
    there = Made().send(place, "first", "second")
    other = Made({"n": "2"}).send(place, "third")
    assert place.delete(there) is True
    assert place.digest("first") is None
    assert place.digest("third") == other
    assert place.delete(there) is False


def test_a_registry_that_lets_nothing_be_deleted_is_told():
    from tests.servers.registry import Registry

    with Registry(settings={"storage": {"inmemory": {}}}) as server:
        place = repository(server.host, "tests/kept")
        there = Made().send(place, "first")
        with pytest.raises(RegistryError, match="does not let images be deleted") as caught:
            place.delete(there)
    assert "storage.delete.enabled" in caught.value.hint


# Immutable tags, as ECR has them --------------------------------------------------------------------


def test_ecr_refusing_to_move_a_tag_is_a_tag_taken(registry, place, impatient):
    """Somebody else was quicker: the tag was free when we looked."""
    other, ours = Made({"n": "1"}).send(place), Made({"n": "2"}).send(place)
    somebody = Immutable(registry.endpoint, before=lambda: place.put(place.manifest(other), "1.0.0"))
    with somebody as ecr, pytest.raises(TagTaken):
        Repository(Reference.parse(f"{ecr.host}/{place.name.repository}")).tag(ours, "1.0.0")
    assert place.digest("1.0.0") == other


def test_ecr_refusing_a_tag_that_already_means_the_image_is_well(registry, place):
    ours = Made().send(place)
    with Immutable(registry.endpoint, before=lambda: place.put(place.manifest(ours), "1.0.0")) as ecr:
        assert Repository(Reference.parse(f"{ecr.host}/{place.name.repository}")).tag(ours, "1.0.0")
    assert place.digest("1.0.0") == ours


# Registries that fail -------------------------------------------------------------------------------


def test_a_registry_that_is_not_there_is_told(impatient):
    from tests.servers.processes import free_port

    gone = repository(f"127.0.0.1:{free_port()}", "tests/any")
    with pytest.raises(RegistryError, match="did not answer, 4 times") as caught:
        gone.digest("first")
    assert "curl -I http://127.0.0.1" in caught.value.hint
    assert caught.value.exit_code == 6


def test_a_failure_that_passes_is_waited_for(registry, place, impatient):
    there = Made().send(place, "first")
    with FaultyProxy(registry.endpoint) as proxy:
        seen = _through(proxy, place)
        proxy.fail_next("HEAD", status=503, code="UNAVAILABLE", times=2)
        proxy.drop_next("HEAD", times=1)
        assert seen.digest("first") == there
        assert proxy.count("HEAD") == 4


def test_a_failure_that_stays_is_not_asked_for_ever(registry, place, impatient):
    with FaultyProxy(registry.endpoint) as proxy:
        proxy.fail_next(status=503, code="UNAVAILABLE", times=100)
        with pytest.raises(RegistryError, match="answered 503"):
            _through(proxy, place).digest("first")
        assert proxy.count() == 4


def test_the_registry_says_how_long_to_wait_within_reason(registry, place, monkeypatch):
    waited = []
    monkeypatch.setattr(registry_http.time, "sleep", waited.append)
    with FaultyProxy(registry.endpoint) as proxy:
        proxy.fail_next(status=429, code="TOOMANYREQUESTS", headers={"Retry-After": "7"})
        proxy.fail_next(status=429, code="TOOMANYREQUESTS", headers={"Retry-After": "86400"})
        assert _through(proxy, place).digest("first") is None
    assert waited == [7.0, 30.0]


def test_a_refusal_is_told_in_the_registrys_own_words_and_not_repeated(registry, place):
    with FaultyProxy(registry.endpoint) as proxy:
        proxy.fail_next(status=418, code="TEAPOT", times=100)
        with pytest.raises(RegistryError, match="answered 418"):
            _through(proxy, place).digest("first")
        assert proxy.count() == 1


def test_a_lost_answer_to_a_tag_is_found_out(registry, place, impatient):
    there = Made().send(place)
    with FaultyProxy(registry.endpoint) as proxy:
        proxy.cut_next("PUT", after=0)
        assert _through(proxy, place).tag(there, "first")
    assert place.digest("first") == there


def test_altered_manifests_are_not_believed(registry, place):
    there = Made().send(place, "first")
    with FaultyProxy(registry.endpoint) as proxy:
        proxy.alter_next("GET", at=20)
        with pytest.raises(RegistryError, match="not to be believed"):
            _through(proxy, place).manifest(there)
        proxy.alter_next("GET", at=20)
        with pytest.raises(RegistryError, match="not to be believed"):
            _through(proxy, place).manifest("first")


def test_altered_configurations_are_not_believed(registry, place):
    Made({"origin": "tests"}).send(place, "first")
    with FaultyProxy(registry.endpoint) as proxy:
        proxy.alter_next("GET", at=20, path="*/blobs/*")
        with pytest.raises(RegistryError, match="not to be believed"):
            _through(proxy, place).labels("first")


def test_a_registry_that_dies_on_the_way_and_returns(own_registry):
    place = repository(own_registry.host, "tests/dies")
    there = Made().send(place, "first")
    place.connection.patience = Patience(attempts=2, first=0.01)
    own_registry.kill()
    with pytest.raises(RegistryError, match="did not answer"):
        place.tag(there, "second")
    own_registry.start()
    assert place.tag(there, "second")
    assert place.digest("second") == there


# Logins ---------------------------------------------------------------------------------------------


def test_a_login_is_taken_from_where_docker_keeps_it(guarded, tmp_path, monkeypatch):
    monkeypatch.setenv("DOCKER_CONFIG", str(guarded.docker_config(tmp_path / "docker")))
    place = repository(guarded.host, "tests/login")
    there = Made().send(place, "first")
    assert place.digest("first") == there


def test_without_a_login_the_command_is_told(guarded):
    with pytest.raises(RegistryError, match="there is no login") as caught:
        repository(guarded.host, "tests/login").digest("first")
    assert caught.value.hint == f"docker login {guarded.host}"


def test_a_wrong_login_is_told_once(guarded, tmp_path, monkeypatch):
    folder = guarded.docker_config(tmp_path / "docker")
    text = (folder / "config.json").read_text()
    login = json.loads(text)["auths"][guarded.host]["auth"]
    (folder / "config.json").write_text(text.replace(login, "YWRhOndyb25n"))
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    with pytest.raises(RegistryError, match="answered 401") as caught:
        repository(guarded.host, "tests/login").digest("first")
    assert "docker login" in caught.value.hint
    assert "wrong" not in str(caught.value)


def test_what_is_in_netrc_does_not_replace_the_login(guarded, tmp_path, monkeypatch):
    monkeypatch.setenv("DOCKER_CONFIG", str(guarded.docker_config(tmp_path / "docker")))
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login other password other\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert repository(guarded.host, "tests/netrc").digest("first") is None


def test_plain_http_is_for_this_machine_and_what_is_named(monkeypatch):
    assert Connection("localhost:5000").address == "http://localhost:5000"
    assert Connection("[::1]:5000").address == "http://[::1]:5000"
    assert Connection("registry.example.org").address == "https://registry.example.org"
    monkeypatch.setenv(registry_http.PLAIN, "registry.local:5000, other.local")
    assert Connection("registry.local:5000").address == "http://registry.local:5000"
    assert Connection("registry.local").address == "https://registry.local"
    assert Connection("docker.io").address == "https://registry-1.docker.io"


def test_a_proxy_of_the_environment_is_not_asked_about_this_machine(registry, place, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert place.digest("first") is None


def test_a_certificate_that_nobody_trusts_is_told_and_can_be_named(tmp_path, monkeypatch):
    from tests.servers.registry import Registry

    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=tests"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    monkeypatch.setattr(registry_http, "is_plain", lambda host: False)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    with Registry(tls=(certificate, key)) as server:
        with pytest.raises(RegistryError, match="cannot be trusted") as caught:
            repository(server.host, "tests/tls").digest("first")
        assert "SSL_CERT_FILE" in caught.value.hint
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        place = repository(server.host, "tests/tls")
        there = Made().send(place, "first")
        assert place.digest("first") == there


# Copies ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("media_type", [DOCKER, OCI])
def test_a_copy_in_another_registry_is_the_same_image(place, own_registry, media_type):
    made = Made({"n": media_type}, {"big": bytes(300_000)}, media_type)
    there = made.send(place, "first")
    target = repository(own_registry.host, "prod/iris")
    assert registry_copy.copy(place, there, target) == len(made.layer) + len(made.configuration)
    assert target.manifest(there).content == made.manifest.content
    assert target.labels(there) == {"n": media_type}
    assert target.tags() == []
    assert registry_copy.copy(place, there, target) == 0


def test_in_one_registry_layers_are_mounted(registry, place):
    there = Made(files={"mounted": b"once"}).send(place)
    with FaultyProxy(registry.endpoint) as proxy:
        source = _through(proxy, place)
        target = Repository(Reference.parse(f"{source.name.registry}/prod/mounted"), source.connection)
        assert registry_copy.copy(source, there, target) == 0
        assert proxy.count("PUT", "*/blobs/*") == 0
        assert proxy.count("POST", "*", "mount") == 2
    assert repository(registry.host, "prod/mounted").digest(there) == there


def test_an_image_of_several_platforms_is_copied_whole(place, own_registry):
    ours, theirs = Made({"for": "us"}).send(place), Made({"for": "them"}).send(place)
    _send_list(place, DOCKER_LIST, {"arm64": theirs, "amd64": ours}, "all")
    target = repository(own_registry.host, "prod/all")
    registry_copy.copy(place, str(place.digest("all")), target)
    assert target.labels(theirs) == {"for": "them"}
    assert target.image(str(place.digest("all"))).digest == ours


def test_a_copy_that_is_cut_short_leaves_no_image_and_is_completed(place, own_registry, impatient):
    there = Made(files={"big": bytes(range(256)) * 4000}).send(place)
    with FaultyProxy(own_registry.endpoint) as proxy:
        target = repository(proxy.endpoint.removeprefix("http://"), "prod/cut")
        proxy.cut_next("PUT", after=5, of="request", times=100)
        with pytest.raises(RegistryError):
            registry_copy.copy(place, there, target)
        assert target.digest(there) is None
        proxy.heal()
        registry_copy.copy(place, there, target)
        assert target.labels(there) == {}
        assert target.digest(there) == there


def test_a_copy_goes_on_after_a_broken_connection(registry, place, own_registry, impatient):
    there = Made(files={"big": bytes(range(256)) * 4000}).send(place)
    with FaultyProxy(registry.endpoint) as ours, FaultyProxy(own_registry.endpoint) as theirs:
        ours.cut_next("GET", after=100, path="*/blobs/*")
        theirs.cut_next("PUT", after=7, of="request", path="*/blobs/*")
        theirs.cut_next("PUT", after=0, path="*/blobs/*")
        target = repository(theirs.endpoint.removeprefix("http://"), "prod/goes-on")
        registry_copy.copy(_through(ours, place), there, target)
    assert repository(own_registry.host, "prod/goes-on").digest(there) == there


def test_a_source_that_gives_other_bytes_is_found_out(registry, place, own_registry):
    there = Made(files={"big": bytes(range(256)) * 400}).send(place)
    with FaultyProxy(registry.endpoint) as proxy:
        proxy.alter_next("GET", at=30, path="*/blobs/*", times=50)
        target = repository(own_registry.host, "prod/altered")
        with pytest.raises(RegistryError):
            registry_copy.copy(_through(proxy, place), there, target)
    assert target.digest(there) is None


# Helpers --------------------------------------------------------------------------------------------


def _through(proxy: FaultyProxy, place: Repository) -> Repository:
    return repository(proxy.endpoint.removeprefix("http://"), place.name.repository)


def _send_list(place: Repository, media_type: str, images: dict[str, str], tag: str) -> None:
    from jsk_ci.registry import Manifest

    children = []
    for machine, one in images.items():
        manifest = place.manifest(one)
        platform = {"os": "linux", "architecture": machine}
        children.append(
            {
                "mediaType": manifest.media_type,
                "digest": one,
                "size": len(manifest.content),
                "platform": platform,
            }
        )
    content = json.dumps({"schemaVersion": 2, "mediaType": media_type, "manifests": children}).encode()
    place.put(Manifest(content, media_type, digest(content)), tag)


class Pages(Threaded):
    """Gives the real registry's tags in pages, which Debian's release does not yet do."""

    def __init__(self, endpoint: str, size: int) -> None:
        self.asked = 0
        whole = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                whole.asked += 1
                path, _, query = self.path.partition("?")
                connection = http.client.HTTPConnection(endpoint.removeprefix("http://"))
                connection.request("GET", path)
                tags = json.loads(connection.getresponse().read())["tags"]
                connection.close()
                start = int(query.partition("last=")[2] or 0)
                body = json.dumps({"tags": tags[start : start + size]}).encode()
                self.send_response(200)
                if start + size < len(tags):
                    self.send_header("Link", f'<{path}?n={size}&last={start + size}>; rel="next"')
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        super().__init__(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        self.host = self.endpoint.removeprefix("http://")


class Immutable(Threaded):
    """The real registry with ECR's tag immutability: a tag that is there is refused, also for its own image.

    The words are those that ECR answers with; ``before`` is somebody else's push, just in time.
    """

    WORDS = (
        "The image tag '1.0.0' already exists in the repository and cannot be overwritten because the tag is "
        "immutable."
    )

    def __init__(self, endpoint: str, before) -> None:
        from urllib.parse import urlsplit

        lock = threading.Lock()

        def refuse(handler) -> bool:
            length = int(handler.headers.get("Content-Length") or 0)
            handler.rfile.read(length)
            with lock:
                before()
            body = json.dumps({"errors": [{"code": "TAG_INVALID", "message": self.WORDS}]}).encode()
            handler.send_response_only(400)
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)
            handler.wfile.flush()
            return True

        super().__init__(
            RelayServer(urlsplit(endpoint), lambda asked: refuse if asked.method == "PUT" else None)
        )
        self.host = self.endpoint.removeprefix("http://")
