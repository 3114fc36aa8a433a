"""The JupyterLab form of an image: its own entry point answers where Studio's health check asks."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from http.cookiejar import CookieJar
from typing import Any

from jsk_ci.builders.base import Running
from jsk_ci.errors import SmokeFailed

#: Where Studio's JupyterLab app lives (SageMaker developer guide, "Custom image specifications").
BASE = "/jupyterlab/default"
#: What Studio asks until it answers.
HEALTH = f"{BASE}/api/status"
#: What Studio asks of a running app, to end it when it is idle.
IDLE = f"{BASE}/api/idle"
_MEND = "Take a base that this kit built, or jupyter-activity-monitor-extension >=0.3.1."


def await_health(server: Running, port: int, seconds: float) -> float:
    """Wait until the health check answers and return how long that took, in seconds.

    Raises
    ------
    SmokeFailed
        With the server's last words, if it ends or does not answer in time.
    """
    begun = time.monotonic()
    while time.monotonic() - begun < seconds:
        if not server.alive():
            raise SmokeFailed(f"JupyterLab ended before it answered:\n{_last_words(server)}")
        status, _ = Browser(port).ask(HEALTH)
        if status == 200:
            return time.monotonic() - begun
        time.sleep(0.2)
    raise SmokeFailed(f"{HEALTH} did not answer within {seconds:.0f} s:\n{_last_words(server)}")


def check(port: int, kernel: str) -> str:
    """Look at what a browser behind Studio's proxy needs, and start a kernel as it does.

    Raises
    ------
    SmokeFailed
        Naming what did not answer as it should.
    """
    browser = Browser(port, origin="https://studio.example.org")
    status, page = browser.ask(f"{BASE}/lab")
    _expect(status == 200 and b"jupyter-config-data" in page, f"{BASE}/lab answered {status}")
    status, listed = browser.ask(f"{BASE}/api/kernelspecs")
    _expect(status == 200, f"{BASE}/api/kernelspecs answered {status} without a token")
    names = sorted(json.loads(listed)["kernelspecs"])
    _expect(kernel in names, f"JupyterLab offers the kernels {names}, not {kernel}")
    status, told = browser.ask(f"{BASE}/api/kernels", {"name": kernel})
    _expect(status == 201, f"starting a kernel from another origin answered {status}")
    name = json.loads(told)["name"]
    return f"{HEALTH}, the page and the kernelspec answer, and the kernel {name} starts"


def idle_warning(port: int) -> str:
    """Ask what Studio asks to end an idle app, and return what to warn of; nothing if it is answered."""
    status, told = Browser(port).ask(IDLE)
    if status == 200 and b'"lastActiveTimestamp"' in told:
        return ""
    answer = status if status != 200 else told.decode(errors="replace")[:80]
    return f"{IDLE} answered {answer}: Studio would never end it for being idle. {_MEND}"


class Browser:
    """Asks a JupyterLab server on this machine as a page does: with its cookies and its cross-site token."""

    def __init__(self, port: int, origin: str = "") -> None:
        self._root, self._origin = f"http://127.0.0.1:{port}", origin
        self._cookies = CookieJar()
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),  # this machine is asked directly, whatever proxy there is
            urllib.request.HTTPCookieProcessor(self._cookies),
        )

    def ask(self, path: str, body: dict[str, Any] | None = None) -> tuple[int, bytes]:
        """Return status and body of a request; 0 if nothing answers."""
        request = urllib.request.Request(self._root + path)  # noqa: S310 - http, this machine
        if self._origin:
            request.add_header("Origin", self._origin)
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
            tokens = [cookie.value or "" for cookie in self._cookies if cookie.name == "_xsrf"]
            request.add_header("X-XSRFToken", tokens[-1] if tokens else "")
        try:
            with self._opener.open(request, timeout=20) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, b""
        except OSError:
            return 0, b""


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise SmokeFailed(otherwise)


def _last_words(server: Running) -> str:
    return "\n".join(server.output().splitlines()[-15:])
