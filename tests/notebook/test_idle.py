"""Studio is told when a JupyterLab app was last at work: by the images' own start script, of real kernels."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from websocket import WebSocket, create_connection

import jsk_ci
from jsk_ci.smoke import jupyterlab
from jsk_saver.notebook.idle import Activity
from tests.servers.browser import chromium
from tests.servers.processes import Processes, free_port

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
SCRIPT = Path(jsk_ci.__file__).parent / "recipe" / "start-jupyterlab"
#: A cell that runs until a file is there, without a word.
QUIET = "import pathlib, time\nwhile not pathlib.Path({gate!r}).exists(): time.sleep(0.05)"

NOTEBOOK = (
    '{"cells": [], "metadata": {"kernelspec": {"name": "python3", "display_name": "Python", "language":'
    ' "python"}}, "nbformat": 4, "nbformat_minor": 5}'
)


class App:
    """A server that the images' start script started, with the Python of the tests in place of theirs."""

    def __init__(self, folder: Path, script: str | None = None) -> None:
        self.folder, self.port, self.processes = folder, free_port(), Processes()
        self.root = f"http://127.0.0.1:{self.port}{jupyterlab.BASE}"
        self._script = script or SCRIPT.read_text()
        self._http = requests.Session()
        self._http.trust_env = False

    def __enter__(self) -> App:
        home, script = self.folder / "home", self.folder / "start"
        home.mkdir()
        script.write_text(self._script.replace("/opt/jsk/env/bin/", f"{Path(sys.executable).parent}/"))
        kept = {name: text for name, text in os.environ.items() if not name.startswith("JUPYTER")}
        environment = kept | {
            "HOME": str(home),
            "JSK_JUPYTERLAB_PORT": str(self.port),
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        }
        command = ["sh", str(script), "--allow-root", "--ServerApp.port_retries=0"]
        self.processes.start(command, self.folder / "log", environment)
        self.processes.wait_until(self._answers, "the start script", 90)
        return self

    def __exit__(self, *_: object) -> None:
        self.processes.stop()

    def _answers(self) -> bool:
        try:
            return self._http.get(f"{self.root}/lab").status_code in (200, 403)
        except requests.ConnectionError:
            return False

    def get(self, path: str) -> Any:
        answer = self._http.get(f"{self.root}/api/{path}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ask(self, method: str, path: str) -> Any:
        """Change something, as a page does."""
        token = {"X-XSRFToken": self._http.cookies["_xsrf"]}
        answer = self._http.request(method, f"{self.root}/api/{path}", json={}, headers=token)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    @property
    def last(self) -> datetime:
        """What Studio is told."""
        return datetime.strptime(self.get("idle")["lastActiveTimestamp"], "%Y-%m-%dT%H:%M:%S.%fz")

    @property
    def kernel(self) -> dict[str, Any]:
        """What the server knows of its only kernel."""
        (known,) = self.get("kernels")
        return known

    def connect(self, path: str) -> WebSocket:
        return create_connection(self.root.replace("http", "ws") + path, timeout=30)

    def execute(self, code: str) -> None:
        """Have the kernel run a cell, and leave the page."""
        header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "session": "s", "username": ""}
        content = {"code": code, "silent": False, "allow_stdin": False, "user_expressions": {}}
        message = {"header": header, "content": content, "parent_header": {}, "metadata": {}}
        page = self.connect(f"/api/kernels/{self.kernel['id']}/channels")
        page.send(json.dumps(message | {"channel": "shell", "buffers": []}))
        self.until(lambda: self.kernel["execution_state"] == "busy", "a busy kernel")
        page.close()

    def until(self, holds: Callable[[], bool], what: str) -> None:
        self.processes.wait_until(holds, what, 60)

    def rests(self) -> bool:
        """Look whether what a page asks all the time leaves what Studio is told as it is."""
        before = self.last
        for path in ("status", "kernels", "sessions", "terminals", "contents", "kernelspecs", "me") * 3:
            self.get(path)
        return self.last == before

    def advances(self) -> bool:
        """Look whether Studio is told of a work that goes on."""
        before = datetime.now(UTC).replace(tzinfo=None)
        return before <= self.last < self.last


@pytest.fixture
def app(tmp_path) -> Iterator[App]:
    with App(tmp_path) as running:
        yield running


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=None)


def test_without_kernels_and_terminals_it_is_the_start_in_the_format_of_sagemakers_own_extension(app):
    assert list(app.get("idle")) == ["lastActiveTimestamp"]
    told = app.get("idle")["lastActiveTimestamp"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}z", told)
    assert app.last == moment(app.get("status")["started"])
    assert app.rests()


def test_being_asked_is_no_work_for_the_server_either(app):
    before = app.get("status")["last_activity"]
    app.get("idle")
    assert app.get("status")["last_activity"] == before


def test_a_cell_counts_while_it_runs_however_quiet_and_then_its_end(app, tmp_path):
    app.ask("POST", "kernels")
    app.execute(QUIET.format(gate=str(tmp_path / "gate")))
    assert app.advances()
    ended = datetime.now(UTC).replace(tzinfo=None)
    (tmp_path / "gate").touch()
    app.until(lambda: app.kernel["execution_state"] == "idle", "the end of the cell")
    assert app.last >= ended
    assert app.last == moment(app.kernel["last_activity"])
    page = app.connect(f"/api/kernels/{app.kernel['id']}/channels")  # a page that is open
    assert app.rests()
    page.close()


def test_what_a_kernel_did_is_not_forgotten_when_it_is_shut_down_before_studio_asks(app):
    before = app.last
    app.ask("POST", "kernels")
    app.execute("import time; time.sleep(0.5)")
    app.until(lambda: app.kernel["execution_state"] == "idle", "the end of the cell")
    did = moment(app.kernel["last_activity"])
    app.ask("DELETE", f"kernels/{app.kernel['id']}")
    assert app.get("kernels") == []
    assert app.last >= did > before


def test_a_tab_in_which_nobody_does_anything_does_not_count(app):
    (app.folder / "home" / "a.ipynb").write_text(NOTEBOOK)
    polls: list[str] = []
    with chromium() as browser:
        page = browser.new_page()
        page.goto(f"{app.root}/lab/tree/a.ipynb?reset")
        page.locator("#jp-main-statusbar").get_by_text("| Idle").wait_for(timeout=90_000)
        app.until(lambda: app.kernel["connections"] > 0 and app.rests(), "a page that is ready")
        before = app.last
        page.on("request", lambda request: polls.append(request.url.partition("/api/")[2].partition("?")[0]))
        while polls.count("kernels") < 2 or polls.count("terminals") < 2:
            page.wait_for_timeout(500)
        assert app.kernel["connections"] > 0
        assert app.last == before


@pytest.mark.parametrize("how", ["killed", "restarted by its user"])
def test_a_kernel_that_went_in_a_cell_is_not_busy_for_ever_and_the_next_cell_counts(app, tmp_path, how):
    app.ask("POST", "kernels")
    process, gate = tmp_path / "process", str(tmp_path / "gate")
    note = f"import os, pathlib; pathlib.Path({str(process)!r}).write_text(str(os.getpid()))\n"
    app.execute(note + QUIET.format(gate=gate))
    app.until(lambda: process.exists() and process.read_text() != "", "the cell's first line")
    assert app.advances()
    if how == "killed":
        os.kill(int(process.read_text()), signal.SIGKILL)
    else:
        app.ask("POST", f"kernels/{app.kernel['id']}/restart")
    app.until(lambda: app.kernel["execution_state"] != "busy" and app.rests(), "rest")
    app.execute(QUIET.format(gate=gate))
    assert app.advances()


def test_a_terminal_counts_when_it_prints_also_without_a_page_and_not_when_it_waits(app, tmp_path):
    name, gate = app.ask("POST", "terminals")["name"], tmp_path / "gate"
    page = app.connect(f"/terminals/websocket/{name}")
    page.send(
        json.dumps(["stdin", f"while [ ! -e {gate} ]; do sleep 0.1; done; echo 'it is' over; sleep 600\r"])
    )
    while "sleep 600" not in page.recv():  # as the shell repeats it
        pass
    page.close()
    app.until(app.rests, "a terminal that prints nothing")
    before = app.last
    gate.touch()
    app.until(lambda: app.last > before, "what the terminal printed")
    app.until(app.rests, "a terminal that prints nothing")
    told = app.last
    app.ask("DELETE", f"terminals/{name}")
    assert app.last >= told


def test_whoever_may_not_ask_the_server_is_told_nothing(tmp_path):
    script = SCRIPT.read_text().replace("--IdentityProvider.token=", "--IdentityProvider.token=secret")
    with App(tmp_path, script=script) as app:
        address = f"{app.root}/api/idle"
        refused = requests.get(address, timeout=30)
        assert refused.status_code == 403
        assert "lastActiveTimestamp" not in refused.text
        assert requests.get(address, headers={"Authorization": "token secret"}, timeout=30).ok


def test_an_image_with_an_older_kit_starts_and_the_smoke_test_warns_that_it_is_never_ended(tmp_path):
    script = SCRIPT.read_text().replace("jsk_saver.notebook.idle", "jsk_saver.notebook.not_there")
    with App(tmp_path, script=script) as app:
        assert "Studio would never end it" in jupyterlab.idle_warning(app.port)


def test_the_smoke_test_has_no_warning_of_an_image_that_answers(app):
    assert jupyterlab.idle_warning(app.port) == ""


def test_a_server_that_the_script_did_not_start_has_no_such_address(tmp_path):
    script = re.sub(r".*jpserver_extensions.*\n", "", SCRIPT.read_text())
    with App(tmp_path, script=script) as app:
        assert requests.get(f"{app.root}/api/idle", timeout=30).status_code == 404


def test_nothing_of_jupyter_server_is_imported_without_a_server():
    look = "import sys, jsk_saver.notebook.idle; print({'jupyter_server', 'tornado'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


NOW = datetime.now(UTC)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (NOW - timedelta(hours=1), NOW - timedelta(hours=1)),
        (NOW - timedelta(hours=9), NOW - timedelta(hours=5)),
        (NOW + timedelta(days=900), NOW - timedelta(hours=5)),
        ("", NOW - timedelta(hours=5)),
        ("soon", NOW - timedelta(hours=5)),
    ],
)
def test_editors_connected_from_outside_count_unless_they_tell_of_the_future(tmp_path, written, expected):
    file = tmp_path / "last"
    file.write_text(written if isinstance(written, str) else f"{written:%Y-%m-%dT%H:%M:%S.%fZ}\n")
    assert Activity({"started": NOW - timedelta(hours=5)}, file).latest([]) == expected


def test_a_clock_that_was_set_back_ends_no_app_late(tmp_path):
    activity = Activity({"started": NOW + timedelta(days=3)}, tmp_path / "none")
    first = activity.latest([])
    assert first < NOW + timedelta(days=1)
    assert activity.latest([]) == first
