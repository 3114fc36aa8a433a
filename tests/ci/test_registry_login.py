"""Who we are to a registry is found where docker, GitLab and AWS keep it, and told to nobody else."""

from __future__ import annotations

import base64
import datetime as dt
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from jsk_ci import registry_login
from jsk_ci.errors import RegistryError
from jsk_ci.references import Reference
from jsk_ci.registry import Repository
from tests.ci.images import Made, repository
from tests.servers.faults import FaultyProxy
from tests.servers.registry import Registry
from tests.servers.s3 import ServerUnavailable
from tests.servers.threaded import Threaded

pytestmark = pytest.mark.usefixtures("no_logins")

HOST = "registry.example.org:5000"
ECR = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
BASIC = base64.b64encode(b"ada:se:cret").decode()


@pytest.fixture
def docker(tmp_path, monkeypatch):
    """Write a docker configuration."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))

    def write(content: object) -> None:
        text = content if isinstance(content, str) else json.dumps(content)
        (tmp_path / "config.json").write_text(text)

    return write


@pytest.fixture
def helper(tmp_path, monkeypatch):
    """Put a credential helper on the path."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def write(name: str, script: str) -> None:
        file = folder / f"docker-credential-{name}"
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)

    return write


# Files ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [HOST, f"https://{HOST}", f"http://{HOST}"])
def test_what_docker_login_wrote_is_read(docker, name):
    docker({"auths": {name: {"auth": BASIC}}})
    assert registry_login.find(HOST) == registry_login.Login("ada", "se:cret")
    assert registry_login.find("other.example.org") is None


def test_passwords_are_not_shown(docker):
    docker({"auths": {HOST: {"auth": BASIC}}})
    assert "cret" not in repr(registry_login.find(HOST))


def test_docker_hub_has_a_name_of_its_own(docker):
    docker({"auths": {"https://index.docker.io/v1/": {"auth": BASIC}}})
    assert registry_login.find("docker.io").user == "ada"


def test_the_home_folder_is_looked_in(tmp_path, monkeypatch):
    monkeypatch.delenv("DOCKER_CONFIG")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker" / "config.json").write_text(json.dumps({"auths": {HOST: {"auth": BASIC}}}))
    assert registry_login.find(HOST).user == "ada"


def test_buildahs_file_is_looked_in(tmp_path, monkeypatch):
    (tmp_path / "auth.json").write_text(json.dumps({"auths": {HOST: {"auth": BASIC}}}))
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "auth.json"))
    assert registry_login.find(HOST).user == "ada"


def test_no_file_is_no_login():
    assert registry_login.find(HOST) is None


@pytest.mark.parametrize(
    "content", ["{", "[]", {"auths": {HOST: {"auth": "not base64!"}}}, {"auths": {HOST: {"auth": 7}}}]
)
def test_a_damaged_file_is_told_with_the_command_that_mends_it(docker, content):
    docker(content)
    with pytest.raises(RegistryError) as caught:
        registry_login.find(HOST)
    assert caught.value.hint == f"docker login {HOST}"


@pytest.mark.parametrize("content", [{}, {"auths": None}, {"auths": {HOST: {}}}, {"auths": {HOST: None}}])
def test_an_empty_entry_is_no_login(docker, content):
    docker(content)
    assert registry_login.find(HOST) is None


# Helpers --------------------------------------------------------------------------------------------

GIVES = 'read host; printf \'{"Username":"%s","Secret":"for %s"}\' ada "$host"'


@pytest.mark.parametrize(
    "told", [{"credHelpers": {HOST: "vault"}}, {"credsStore": "vault", "auths": {HOST: {}}}]
)
def test_a_credential_helper_is_asked(docker, helper, told):
    docker(told)
    helper("vault", GIVES)
    assert registry_login.find(HOST) == registry_login.Login("ada", f"for {HOST}")


def test_a_helper_that_knows_nothing_is_no_login(docker, helper):
    docker({"credsStore": "vault"})
    helper("vault", 'echo "credentials not found in native keychain"; exit 1')
    assert registry_login.find(HOST) is None


def test_a_helper_that_fails_is_told_in_its_words(docker, helper):
    docker({"credsStore": "vault"})
    helper("vault", 'echo "the vault is locked" >&2; exit 1')
    with pytest.raises(RegistryError, match="the vault is locked"):
        registry_login.find(HOST)


def test_a_helper_that_is_missing_is_named(docker, helper):
    docker({"credHelpers": {HOST: "gone"}})
    with pytest.raises(RegistryError, match="docker-credential-gone, which is not there"):
        registry_login.find(HOST)


def test_a_helper_that_says_nonsense_is_told(docker, helper):
    docker({"credHelpers": {HOST: "odd"}})
    helper("odd", "echo hello")
    with pytest.raises(RegistryError, match="did not give the login"):
        registry_login.find(HOST)


# GitLab and AWS -------------------------------------------------------------------------------------


def test_gitlabs_jobs_have_a_login_for_gitlabs_registry_alone(monkeypatch):
    monkeypatch.setenv("CI_REGISTRY", HOST)
    monkeypatch.setenv("CI_REGISTRY_USER", "gitlab-ci-token")
    monkeypatch.setenv("CI_REGISTRY_PASSWORD", "job")
    assert registry_login.find(HOST) == registry_login.Login("gitlab-ci-token", "job")
    assert registry_login.find("registry.example.org") is None


@pytest.mark.parametrize(
    ("host", "region"),
    [
        (ECR, "eu-central-1"),
        ("123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("123456789012.dkr-ecr.eu-west-1.on.aws", "eu-west-1"),
        ("public.ecr.aws", None),
        (f"{ECR}.example.org", None),
        ("evil.example.org/" + ECR, None),
    ],
)
def test_hosts_of_ecr_are_told_from_others(host, region):
    assert registry_login.ecr_region(host) == region


@pytest.fixture
def ecr(moto, point_at, monkeypatch):
    """AWS in miniature, to which boto3's client for ECR is pointed."""
    point_at(moto)
    monkeypatch.setenv("AWS_ENDPOINT_URL_ECR", moto.endpoint)


def test_aws_gives_the_login_for_ecr(ecr):
    login = registry_login.find(ECR)
    assert login.user == "AWS"
    assert login.password


def test_aws_refusing_is_told(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(RegistryError, match="AWS gave no login") as caught:
        registry_login.find(ECR)
    assert "--region eu-central-1" in caught.value.hint


def test_a_branch_that_the_jobs_role_does_not_let_in_is_told_so(moto, monkeypatch, tmp_path):
    """STS refuses the token of a branch that is not protected, for which no role is made."""
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)  # which remembers a login of another test
    (tmp_path / "token").write_text("a token of GitLab's")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/jsk-vision-iris.gitlab")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    with FaultyProxy(moto.endpoint) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        proxy.fail_next("POST", status=403, code="AccessDenied", times=20)
        with pytest.raises(RegistryError, match="AssumeRoleWithWebIdentity") as caught:
            registry_login.find(ECR)
    assert "other-branches: none" in caught.value.hint


def test_images_of_ecr_are_deleted_through_its_own_api(ecr):
    import boto3

    client = boto3.client("ecr", region_name="eu-central-1")
    client.create_repository(repositoryName="kernels/iris")
    manifest = Made().manifest
    client.put_image(repositoryName="kernels/iris", imageManifest=manifest.content.decode(), imageTag="first")
    (image,) = client.describe_images(repositoryName="kernels/iris")["imageDetails"]
    place = Repository(Reference.parse(f"{ECR}/kernels/iris"))
    assert place.delete(image["imageDigest"]) is True
    assert client.describe_images(repositoryName="kernels/iris")["imageDetails"] == []
    assert place.delete(image["imageDigest"]) is False
    with pytest.raises(RegistryError, match="RepositoryNotFound"):
        Repository(Reference.parse(f"{ECR}/kernels/none")).delete(image["imageDigest"])


# Tokens, as GitLab's registry and Docker Hub want them ------------------------------------------------


class Issuer(Threaded):
    """Gives tokens that a real registry checks: signed with a key whose certificate it has."""

    def __init__(self, folder: Path) -> None:
        from cryptography.hazmat.primitives.asymmetric import rsa

        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.certificate = _certificate(self.key)
        self.file = folder / "issuer.pem"
        self.file.write_bytes(self.certificate[0])
        self.asked: list[tuple[str, str, list[str]]] = []
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = parse_qs(urlsplit(self.path).query)
                who = self.headers.get("Authorization", "")
                issuer.asked.append(("GET", who, query.get("scope", [])))
                self._give(query.get("scope", []) if who == f"Basic {BASIC}" else [])

            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                issuer.asked.append(("POST", form["refresh_token"][0], form["scope"]))
                self._give(" ".join(form["scope"]).split() if form["refresh_token"] == ["refresh"] else [])

            def _give(self, scopes: list[str]) -> None:
                body = json.dumps({"token": issuer.token(scopes)}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        super().__init__(ThreadingHTTPServer(("127.0.0.1", 0), Handler))

    def token(self, scopes: list[str]) -> str:
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding

        access = []
        for scope in scopes:
            kind, name, actions = scope.split(":")
            access.append({"type": kind, "name": name, "actions": actions.split(",")})
        now = int(dt.datetime.now(dt.UTC).timestamp())
        head = {"typ": "JWT", "alg": "RS256", "x5c": [base64.b64encode(self.certificate[1]).decode()]}
        claims = {
            "iss": "tests",
            "sub": "ada",
            "aud": "registry",
            "exp": now + 300,
            "nbf": now - 60,
            "iat": now,
            "jti": "1",
            "access": access,
        }
        signed = ".".join(_url64(json.dumps(part).encode()) for part in (head, claims))
        signature = self.key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_url64(signature)}"


@pytest.fixture(scope="module")
def tokens(tmp_path_factory):
    with Issuer(tmp_path_factory.mktemp("issuer")) as issuer:
        settings = {
            "realm": issuer.endpoint,
            "service": "registry",
            "issuer": "tests",
            "rootcertbundle": str(issuer.file),
        }
        try:
            with Registry(settings={"auth": {"token": settings}}) as server:
                yield server, issuer
        except ServerUnavailable as reason:
            pytest.skip(str(reason))


@pytest.mark.parametrize(
    "entry", [{"auth": BASIC}, {"auth": base64.b64encode(b"<token>:").decode(), "identitytoken": "refresh"}]
)
def test_a_token_is_asked_for_with_the_login_and_used_for_its_scope(tokens, docker, entry):
    server, issuer = tokens
    docker({"auths": {server.host: entry}})
    issuer.asked.clear()
    place = repository(server.host, "tests/token")
    there = Made().send(place, "first")
    assert place.tag(there, "second") in (True, False)
    assert place.labels("second") == {}
    scopes = [" ".join(scope) for _, _, scope in issuer.asked]
    assert sorted(scopes) == ["repository:tests/token:pull", "repository:tests/token:pull,push"]


def test_without_a_login_an_anonymous_token_is_not_enough_here(tokens):
    server, issuer = tokens
    with pytest.raises(RegistryError, match="answered 401") as caught:
        repository(server.host, "tests/token").digest("first")
    assert caught.value.hint.startswith(f"docker login {server.host}")
    assert issuer.asked[-1][1] == ""


def test_a_mount_asks_for_both_repositories(tokens, docker):
    from jsk_ci import registry_copy

    server, issuer = tokens
    docker({"auths": {server.host: {"auth": BASIC}}})
    source = repository(server.host, "tests/token")
    there = Made(files={"mounted": b"with a token"}).send(source)
    target = repository(server.host, "tests/mounted")
    assert registry_copy.copy(source, there, target) == 0
    assert ["repository:tests/mounted:pull,push", "repository:tests/token:pull"] in [
        one[2] for one in issuer.asked
    ]
    assert target.digest(there) == there


def test_a_login_is_not_sent_to_a_realm_without_tls(docker):
    """A registry (or somebody before it) that wants our password elsewhere, in the open."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Bearer realm="http://elsewhere.example.org/t",service="x"')
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with Threaded(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
        host = server.endpoint.removeprefix("http://")
        docker({"auths": {host: {"auth": BASIC}}})
        with pytest.raises(RegistryError, match="without TLS"):
            repository(host, "tests/any").digest("first")


def _url64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _certificate(key) -> tuple[bytes, bytes]:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.x509.oid import NameOID

    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding
    return made.public_bytes(encoding.PEM), made.public_bytes(encoding.DER)
