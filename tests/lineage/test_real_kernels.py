"""What lineage says in real kernels: run by nbclient, by nbconvert, and by a Jupyter server."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path
from urllib.request import Request, urlopen

import nbformat
import pytest

TELL = "import json\nfrom jsk_saver import lineage\nprint(json.dumps(lineage.collect()))"


@pytest.fixture(autouse=True)
def own_jupyter_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))


def _notebook(path: Path, *sources: str) -> nbformat.NotebookNode:
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    path.parent.mkdir(exist_ok=True)
    nbformat.write(made, path)
    return made


def _told(made: nbformat.NotebookNode) -> list[dict]:
    return [json.loads(output["text"]) for cell in made.cells for output in cell.outputs]


def test_nbclient_runs_a_notebook_that_knows_its_path_cell_and_commit(repo):
    from nbclient import NotebookClient

    made = _notebook(repo.root / "notebooks" / "churn.ipynb", "x = 1", TELL, f"{TELL}  # again")
    repo.git("add", ".")
    repo.git("commit", "-q", "-m", "notebook")
    NotebookClient(made, resources={"metadata": {"path": str(repo.root / "notebooks")}}).execute()
    first, second = _told(made)
    assert first["notebook"] == second["notebook"] == "notebooks/churn.ipynb"
    assert (first["cell"], second["cell"]) == ("In [2]", "In [3]")
    assert first["commit"] == repo.git("rev-parse", "HEAD")
    assert "dirty" not in first


def test_nbconvert_runs_a_notebook_that_knows_which_of_two_copies_it_is(repo):
    _notebook(repo.root / "churn.ipynb", TELL)
    _notebook(repo.root / "copy.ipynb", TELL)
    repo.git("add", ".")
    repo.git("commit", "-q", "-m", "notebooks")
    subprocess.run(
        [
            sys.executable,
            "-m",
            "nbconvert",
            "--to",
            "notebook",
            "--execute",
            "churn.ipynb",
            "--output",
            "done",
        ],
        cwd=repo.root,
        check=True,
        capture_output=True,
    )
    (told,) = _told(nbformat.read(repo.root / "done.ipynb", as_version=4))
    assert told["notebook"] == "churn.ipynb"


class Server:
    """A real Jupyter server on the loopback, spoken to as JupyterLab does."""

    def __init__(self, root: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.token = uuid.uuid4().hex
        self.root = root
        self._process = subprocess.Popen(
            [
                sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", "--ip=127.0.0.1",
                f"--port={self.port}", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={root}",
                f"--IdentityProvider.token={self.token}",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._wait()

    def _wait(self) -> None:
        for _ in range(300):
            assert self._process.poll() is None, "the server ended"
            try:
                self.ask("GET", "status")
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise AssertionError("the server does not answer")

    def ask(self, method: str, path: str, body: dict | None = None) -> dict:
        request = Request(
            f"http://127.0.0.1:{self.port}/api/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"token {self.token}"},
        )
        with urlopen(request, timeout=60) as answer:
            text = answer.read()
        return json.loads(text) if text else {}

    def execute(self, kernel_id: str, code: str, cell_id: str) -> str:
        import websocket

        channels = websocket.create_connection(
            f"ws://127.0.0.1:{self.port}/api/kernels/{kernel_id}/channels?token={self.token}", timeout=60
        )
        message_id = uuid.uuid4().hex
        message = {
            "header": {
                "msg_id": message_id, "msg_type": "execute_request", "username": "", "session": "test",
                "date": "", "version": "5.3",
            },
            "parent_header": {}, "metadata": {"cellId": cell_id}, "channel": "shell", "buffers": [],
            "content": {"code": code, "silent": False, "store_history": True, "allow_stdin": False},
        }  # fmt: skip
        try:
            channels.send(json.dumps(message))
            printed = ""
            while True:
                answer = json.loads(channels.recv())
                if answer["parent_header"].get("msg_id") != message_id:
                    continue
                assert answer["msg_type"] != "error", answer["content"]
                if answer["msg_type"] == "stream":
                    printed += answer["content"]["text"]
                elif answer["msg_type"] == "status" and answer["content"]["execution_state"] == "idle":
                    return printed
        finally:
            channels.close()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=60)


@pytest.fixture
def server(repo):
    started = Server(repo.root)
    yield started
    started.stop()


@pytest.mark.slow
def test_in_a_jupyter_server_notebook_and_cell_are_known_also_after_renaming(server, repo):
    _notebook(repo.root / "notebooks" / "churn.ipynb", TELL)
    session = server.ask(
        "POST",
        "sessions",
        {
            "path": "notebooks/churn.ipynb",
            "name": "churn.ipynb",
            "type": "notebook",
            "kernel": {"name": "python3"},
        },
    )
    kernel_id = session["kernel"]["id"]
    told = json.loads(server.execute(kernel_id, TELL, "cell-1"))
    assert (told["notebook"], told["cell"]) == ("notebooks/churn.ipynb", "cell-1")

    folder = repo.root / "notebooks"
    (folder / "churn.ipynb").rename(folder / "renamed.ipynb")
    server.ask(
        "PATCH", f"sessions/{session['id']}", {"path": "notebooks/renamed.ipynb", "name": "renamed.ipynb"}
    )
    told = json.loads(server.execute(kernel_id, TELL, "cell-2"))
    assert (told["notebook"], told["cell"]) == ("notebooks/renamed.ipynb", "cell-2")

    forgetful = f"import os; del os.environ['JPY_SESSION_NAME']\n{TELL}"
    assert json.loads(server.execute(kernel_id, forgetful, "cell-3"))["notebook"] == "notebooks/renamed.ipynb"
