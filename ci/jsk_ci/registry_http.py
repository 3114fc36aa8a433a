"""HTTP to one registry: its login, bounded patience with its failures, and errors that say what to do.

Written on ``requests`` and not on ``oras``, whose client writes manifests anew from parsed JSON (the bytes,
and with them the digest, would change), knows no Docker manifests when it writes, deletes every tag of an
image where one was meant, and turns every refusal into a ``ValueError`` without its status.
"""

from __future__ import annotations

import ipaddress
import os
import random
import re
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

from jsk_ci import registry_login
from jsk_ci.errors import RegistryError
from jsk_saver.errors import MissingExtra

#: Hosts (and ports) that are spoken to without TLS, beside this machine's; separated by commas.
PLAIN = "JSK_CI_PLAIN_HTTP"
#: Docker Hub answers at another name than its images bear.
_ADDRESSES = {"docker.io": "registry-1.docker.io", "index.docker.io": "registry-1.docker.io"}
_PASSING = {408, 429, 500, 502, 503, 504}
_CONNECT, _READ = 10.0, 60.0  # seconds
_LONGEST_WAIT = 30.0
_PAIR = re.compile(r'(\w+)="([^"]*)"|(\w+)=([^\s,]+)')

#: A body is given as what makes it, because it may have to be sent again.
Body = Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a request is sent, and how long is waited before the second time (then twice as long)."""

    attempts: int = 4
    first: float = 0.5

    def wait(self, attempt: int, asked: str | None) -> None:
        """Wait after an attempt (0 is the first), as long as the registry asked for within reason."""
        seconds = self.first * 2**attempt * random.uniform(0.75, 1.25)  # noqa: S311 - not for secrets
        if asked and asked.isdigit():
            seconds = max(seconds, float(asked))
        time.sleep(min(seconds, _LONGEST_WAIT))


class Silent(RegistryError):
    """A failure that may pass: no answer, or one that says "not now"."""


class Connection:
    """A registry that is spoken to.

    Parameters
    ----------
    host
        Host and port, as in names of images.
    patience
        With failures that may pass.
    """

    def __init__(self, host: str, patience: Patience | None = None) -> None:
        self.host = host
        self.patience = patience or Patience()
        scheme = "http" if is_plain(host) else "https"
        self.address = f"{scheme}://{_ADDRESSES.get(host, host)}"
        self._session = _session(host)
        self._granted: dict[str, str] = {}
        self._login: registry_login.Login | None = None
        self._asked_login = False

    def send(
        self,
        method: str,
        path: str,
        *,
        scope: str,
        expect: Collection[int],
        headers: Mapping[str, str] | None = None,
        body: Body | None = None,
        stream: bool = False,
        once: bool = False,
    ) -> Any:
        """Return the answer (``requests.Response``) to a request.

        Parameters
        ----------
        method, path
            ``path`` is below the registry's address, or whole.
        scope
            What a token must allow: ``repository:kernels/base:pull``; several with spaces between.
        expect
            Statuses that the caller understands.
        headers, body, stream
            As ``requests`` takes them.
        once
            Leave it to the caller to try again.

        Raises
        ------
        RegistryError
            For any other status; :class:`Silent` if none, or none that lasts, came after all attempts.
        """
        url = urljoin(self.address + "/", path)
        attempts = 1 if once else self.patience.attempts
        for attempt in range(attempts):
            last = attempt + 1 == attempts
            try:
                answer = self._authorised(method, url, scope, dict(headers or {}), body, stream)
            except RegistryError:
                raise
            except OSError as error:  # requests' own are among them
                if last or _is_certificate(error):
                    raise self._silence(error) from error
                self.patience.wait(attempt, None)
                continue
            if answer.status_code in expect:
                return answer
            if answer.status_code not in _PASSING or last:
                raise self.refusal(answer)
            self.patience.wait(attempt, answer.headers.get("Retry-After"))
        raise Silent(f"{self.host} was never asked.")

    def refusal(self, answer: Any) -> RegistryError:
        """Return the error for an answer: the registry's own words, and what helps."""
        status, (code, words) = answer.status_code, said(answer)
        what = (
            f"{self.host} answered {status}"
            + (f" ({code})" if code else "")
            + (f": {words}" if words else "")
        )
        if status in _PASSING:
            return Silent(f"{what}, {self.patience.attempts} times.", hint="Try again when it is well.")
        if status in (401, 403):
            return RegistryError(
                f"{what}.", hint=f"docker login {self.host}    # with a user that may do this"
            )
        if code == "NAME_UNKNOWN" and registry_login.ecr_region(self.host):
            name = answer.url.partition("/v2/")[2].partition("/blobs/")[0].partition("/manifests/")[0]
            return RegistryError(f"{what}.", hint=f"aws ecr create-repository --repository-name {name}")
        return RegistryError(f"{what}.")

    def _silence(self, error: OSError) -> RegistryError:
        if _is_certificate(error):
            return RegistryError(
                f"The certificate of {self.host} cannot be trusted: {error}.",
                hint="export SSL_CERT_FILE=…    # the certificates of whoever signed it",
            )
        return Silent(
            f"{self.host} did not answer, {self.patience.attempts} times: {error}.",
            hint=f"curl -I {self.address}/v2/    # is it there, and is its name right?",
        )

    # Login ------------------------------------------------------------------------------------------

    def _authorised(
        self, method: str, url: str, scope: str, headers: dict[str, str], body: Body | None, stream: bool
    ) -> Any:
        answer = None
        for fresh in (False, True):
            ours = urlsplit(url).netloc == urlsplit(self.address).netloc
            if ours and scope in self._granted:
                headers["Authorization"] = self._granted[scope]
            answer = self._session.request(
                method,
                url,
                headers=headers,
                data=body() if body else None,
                stream=stream,
                timeout=(_CONNECT, _READ),
            )
            if answer.status_code != 401 or fresh or not ours:
                break
            self._granted[scope] = self._grant(answer, scope)
            answer.close()
        return answer

    def _grant(self, answer: Any, scope: str) -> str:
        """Return the ``Authorization`` that a challenge asks for."""
        challenge = answer.headers.get("WWW-Authenticate", "")
        kind, _, rest = challenge.partition(" ")
        told = {name or bare: value or plain for name, value, bare, plain in _PAIR.findall(rest)}
        login = self._find_login()
        if kind.lower() == "bearer" and told.get("realm"):
            return "Bearer " + self._token(told, scope, login)
        if login is None:
            raise RegistryError(
                f"{self.host} asks who we are, and there is no login for it.",
                hint=f"docker login {self.host}",
            )
        return login.basic

    def _find_login(self) -> registry_login.Login | None:
        if not self._asked_login:
            self._login, self._asked_login = registry_login.find(self.host), True
        return self._login

    def _token(self, told: Mapping[str, str], scope: str, login: registry_login.Login | None) -> str:
        """Return a token, an anonymous one if need be.

        As https://distribution.github.io/distribution/spec/auth/token/ says.
        """
        realm, service = urlsplit(told["realm"]), told.get("service", "")
        if realm.scheme != "https" and not is_plain(realm.netloc):
            raise RegistryError(f"{self.host} wants its login sent to {told['realm']}, without TLS.")
        asked: dict[str, Any] = {"service": service, "scope": scope.split()}
        if login and login.is_token:
            form = {**asked, "scope": scope, "grant_type": "refresh_token", "refresh_token": login.password}
            form["client_id"] = "jsk-ci"
            answer = self._session.post(told["realm"], data=form, timeout=(_CONNECT, _READ))
        else:
            headers = {"Authorization": login.basic} if login else {}
            answer = self._session.get(
                told["realm"], params=asked, headers=headers, timeout=(_CONNECT, _READ)
            )
        if answer.status_code != 200:
            raise self.refusal(answer)
        found = json_of(answer, self.host)
        token = found.get("token") or found.get("access_token")
        if not token:
            raise RegistryError(f"{told['realm']} gave no token for {self.host}.")
        return str(token)


def is_plain(host: str) -> bool:
    """Tell whether a host is spoken to without TLS: this machine, and those that :data:`PLAIN` names."""
    if host in re.split(r"[,\s]+", os.environ.get(PLAIN, "")):
        return True
    name = urlsplit(f"//{host}").hostname or ""
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def said(answer: Any) -> tuple[str, str]:
    """Return the code and the words of an error, as the OCI distribution specification writes them."""
    try:
        first = answer.json()["errors"][0]
        code, words = str(first.get("code", "")), str(first.get("message", ""))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        return "", ""
    return code, words.rstrip(".")


def json_of(answer: Any, host: str) -> dict[str, Any]:
    """Return the JSON object of an answer; RegistryError if it is none."""
    try:
        found = answer.json()
    except ValueError as error:
        raise RegistryError(f"{host} answered something that is no JSON to {answer.url}.") from error
    if not isinstance(found, dict):
        raise RegistryError(f"{host} answered something unexpected to {answer.url}.")
    return found


def _session(host: str) -> Any:
    try:
        import requests
    except ImportError as error:
        raise MissingExtra(
            "Talking to registries needs requests.", hint='pip install "jsk-saver[ci]"'
        ) from error
    session = requests.Session()
    session.auth = _leave  # otherwise requests puts what is in ~/.netrc over every login
    if is_plain(host):
        session.trust_env = False  # no proxy stands between this machine and itself
    elif not os.environ.get("REQUESTS_CA_BUNDLE") and os.environ.get("SSL_CERT_FILE"):
        session.verify = os.environ["SSL_CERT_FILE"]
    session.headers["User-Agent"] = "jsk-ci"
    return session


def _leave(request: Any) -> Any:
    return request


def _is_certificate(error: BaseException) -> bool:
    from requests.exceptions import SSLError

    return isinstance(error, SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(error)
