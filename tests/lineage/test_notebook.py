"""Which notebook and cell lineage names, said by stand-ins of each front end."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import types
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from jsk_saver.lineage import collect, notebook, sessions


def _request(code: str = "1", *, message: str = "execute_request", cell_id: str | None = None) -> dict:
    metadata = {} if cell_id is None else {"cellId": cell_id}
    return {"header": {"msg_type": message}, "metadata": metadata, "content": {"code": code}}


@pytest.fixture
def kernel_shell(monkeypatch, tmp_path):
    """Stand in for IPython in a kernel; returns what tests shape."""
    runtime = tmp_path / "runtime"
    runtime.mkdir()
    connection = {"IPKernelApp": {"connection_file": str(runtime / "kernel-abc-123.json")}}
    kernel = types.SimpleNamespace(config=connection, request=_request())
    kernel.get_parent = lambda _channel: kernel.request
    displayhook = types.SimpleNamespace(prompt_count=7)
    shell = types.SimpleNamespace(kernel=kernel, user_ns={}, displayhook=displayhook)
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    shell.runtime = runtime
    monkeypatch.chdir(tmp_path)
    return shell


def _write_notebook(path, *sources: str, cell_type: str = "code"):
    cells = [{"cell_type": cell_type, "source": source.splitlines(keepends=True)} for source in sources]
    path.write_text(json.dumps({"cells": cells, "nbformat": 4}))
    return path


# Cells ---------------------------------------------------------------------------------------------


def test_jupyterlab_names_the_cell_by_its_id(kernel_shell):
    kernel_shell.kernel.request = _request(cell_id="3f2a-9c1e_b")
    assert notebook.cell() == "3f2a-9c1e_b"


@pytest.mark.parametrize("cell_id", [None, 3, "", "vscode-notebook-cell:/a.ipynb#W2sZmlsZQ%3D%3D", "x" * 65])
def test_without_a_lasting_id_the_cell_is_its_number(kernel_shell, cell_id):
    kernel_shell.kernel.request = _request(cell_id=cell_id)
    assert notebook.cell() == "In [7]"


def test_a_widgets_callback_runs_in_no_cell(kernel_shell):
    kernel_shell.kernel.request = _request(message="comm_msg")
    assert notebook.cell() is None


def test_kernels_before_version_6_keep_their_request_elsewhere(kernel_shell):
    del kernel_shell.kernel.get_parent
    kernel_shell.kernel._parent_header = _request(cell_id="abc")
    assert notebook.cell() == "abc"


# Front ends ----------------------------------------------------------------------------------------


def test_vs_code_names_its_notebook(kernel_shell):
    kernel_shell.user_ns["__vsc_ipynb_file__"] = "/home/ana/churn.ipynb"
    assert notebook.path() == "/home/ana/churn.ipynb"


@pytest.mark.parametrize(
    "cell_id",
    [
        "vscode-notebook-cell:/home/ana/my%20churn.ipynb#W2sZmlsZQ%3D%3D",
        "vscode-notebook-cell://ssh-remote%2Blab/home/ana/my%20churn.ipynb#X0",
    ],
)
def test_vs_code_names_its_notebook_in_its_cells(kernel_shell, cell_id):
    kernel_shell.kernel.request = _request(cell_id=cell_id)
    assert notebook.path() == "/home/ana/my churn.ipynb"


def test_the_jupyter_server_names_the_notebook_it_started(kernel_shell, monkeypatch, tmp_path):
    found = _write_notebook(tmp_path / "churn.ipynb", "1")
    monkeypatch.setenv("JPY_SESSION_NAME", str(found))
    assert notebook.path() == str(found)


def test_shared_editing_puts_a_drive_before_the_name(kernel_shell, monkeypatch, tmp_path):
    found = _write_notebook(tmp_path / "churn.ipynb", "1")
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "RTC:churn.ipynb"))
    assert notebook.path() == str(found)


def test_a_script_opened_as_a_notebook_counts(kernel_shell, monkeypatch, tmp_path):
    (tmp_path / "churn.py").write_text("1\n")
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "churn.py"))
    assert notebook.path() == str(tmp_path / "churn.py")


@pytest.mark.parametrize("name", ["console-1-0f9e", "churn/"])
def test_a_console_is_no_notebook(kernel_shell, monkeypatch, tmp_path, name):
    monkeypatch.setenv("JPY_SESSION_NAME", f"{tmp_path}/{name}")
    assert notebook.path() is None


def test_a_setting_wins_over_every_front_end(kernel_shell, monkeypatch, tmp_path):
    kernel_shell.user_ns["__vsc_ipynb_file__"] = "/home/ana/churn.ipynb"
    monkeypatch.setenv("JSK_NOTEBOOK", "other.ipynb")
    assert notebook.path() == str(tmp_path / "other.ipynb")


# Servers -------------------------------------------------------------------------------------------


@pytest.fixture
def server(kernel_shell, tmp_path):
    """A Jupyter server on the loopback that answers only to its token; tests shape its sessions."""
    answers = types.SimpleNamespace(sessions=[], asked=0)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            answers.asked += 1
            allowed = self.headers["Authorization"] == "token s3cret" and self.path == "/lab/api/sessions"
            body = json.dumps(answers.sessions).encode()
            self.send_response(200 if allowed else 403)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments):
            pass

    http = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever)
    thread.start()
    info = {"url": f"http://127.0.0.1:{http.server_port}/lab/", "token": "s3cret", "root_dir": str(tmp_path)}
    (kernel_shell.runtime / "jpserver-2.json").write_text(json.dumps(info))
    (kernel_shell.runtime / "jpserver-1.json").write_text("{")  # being written, or left by a crash
    (kernel_shell.runtime / "jpserver-0.json").write_text(json.dumps({**info, "url": "http://127.0.0.1:9/"}))
    yield answers
    http.shutdown()
    thread.join()
    http.server_close()


def _session(path: str, kernel_id: str = "abc-123", kind: str = "notebook") -> dict:
    return {"path": path, "type": kind, "kernel": {"id": kernel_id}}


def test_a_server_that_told_its_kernel_nothing_is_asked_once(server, tmp_path, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # the token must not go through a proxy
    server.sessions = [
        _session("else.ipynb", "other"),
        _session("console-1", kind="console"),
        _session("deep/churn.ipynb"),
    ]
    (tmp_path / "deep").mkdir()
    _write_notebook(tmp_path / "deep" / "churn.ipynb", "1")
    assert notebook.path() == str(tmp_path / "deep" / "churn.ipynb")
    assert notebook.path() == str(tmp_path / "deep" / "churn.ipynb")
    assert server.asked == 1


def test_a_notebook_that_was_renamed_is_found_under_its_new_name(server, tmp_path, monkeypatch):
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "Untitled.ipynb"))
    server.sessions = [_session("churn.ipynb")]
    _write_notebook(tmp_path / "churn.ipynb", "1")
    assert notebook.path() == str(tmp_path / "churn.ipynb")


def test_a_server_that_does_not_know_leaves_the_name_the_kernel_started_with(server, tmp_path, monkeypatch):
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "gone.ipynb"))
    assert notebook.path() == str(tmp_path / "gone.ipynb")
    assert notebook.path() == str(tmp_path / "gone.ipynb")
    assert server.asked == 1


def test_a_server_that_hangs_is_left_alone(kernel_shell, monkeypatch):
    import socket

    monkeypatch.setattr(sessions, "TIMEOUT", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        info = {"url": f"http://127.0.0.1:{deaf.getsockname()[1]}/", "token": ""}
        (kernel_shell.runtime / "jpserver-1.json").write_text(json.dumps(info))
        assert notebook.path() is None


# Headless ------------------------------------------------------------------------------------------


def test_alone_in_the_folder_the_notebook_with_the_running_cell_is_it(kernel_shell, tmp_path):
    kernel_shell.kernel.request = _request("saver.put(\n    'a.csv', a)")
    _write_notebook(tmp_path / "churn.ipynb", "import jsk_saver", "saver.put(\n    'a.csv', a)")
    _write_notebook(tmp_path / "other.ipynb", "import jsk_saver")
    _write_notebook(tmp_path / "text.ipynb", "saver.put(\n    'a.csv', a)", cell_type="markdown")
    (tmp_path / "broken.ipynb").write_text('{"cells": [3]}')
    assert notebook.path() == str(tmp_path / "churn.ipynb")


def test_two_notebooks_with_the_running_cell_are_none(kernel_shell, tmp_path):
    kernel_shell.kernel.request = _request("saver.put('a.csv', a)")
    _write_notebook(tmp_path / "churn.ipynb", "saver.put('a.csv', a)")
    _write_notebook(tmp_path / "copy.ipynb", "saver.put('a.csv', a)")
    assert notebook.path() is None


def test_the_runners_command_line_decides_between_copies(kernel_shell, tmp_path, monkeypatch):
    kernel_shell.kernel.request = _request("saver.put('a.csv', a)")
    for name in ("churn.ipynb", "copy.ipynb"):
        _write_notebook(tmp_path / name, "saver.put('a.csv', a)")
    runner = subprocess.Popen(
        [sys.executable, "-c", "input()", "--execute", "unlike.ipynb", "churn.ipynb", "copy.ipynb"],
        stdin=subprocess.PIPE,
        cwd=tmp_path,
    )
    monkeypatch.setenv("JPY_PARENT_PID", str(runner.pid))
    try:
        assert notebook.path() == str(tmp_path / "churn.ipynb")
    finally:
        runner.communicate(b"\n")


def test_an_empty_cell_says_nothing_about_its_notebook(kernel_shell, tmp_path):
    kernel_shell.kernel.request = _request(" \n")
    _write_notebook(tmp_path / "churn.ipynb", " \n")
    assert notebook.path() is None


# Scripts -------------------------------------------------------------------------------------------

_TELL = "import json; from jsk_saver import lineage; print(json.dumps(lineage.collect()))"


def _run(*arguments: str, **options) -> dict:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True, **options)
    return json.loads(done.stdout)


def test_a_script_is_named_relative_to_its_repository(repo, tmp_path):
    commit = repo.commit("steps/train.py", _TELL)
    found = _run(str(repo.root / "steps" / "train.py"), cwd=tmp_path)
    assert (found["notebook"], found["commit"]) == ("steps/train.py", commit), (
        "its own, not the working folder's"
    )
    assert "cell" not in found


def test_a_script_elsewhere_is_named_from_home_or_in_full(tmp_path, monkeypatch):
    script = tmp_path / "train.py"
    script.write_text(_TELL)
    assert _run(str(script))["notebook"] == str(script)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert _run(str(script))["notebook"] == "~/train.py"


def test_a_script_started_from_a_notebook_is_itself(tmp_path, monkeypatch):
    monkeypatch.setenv("JPY_SESSION_NAME", str(_write_notebook(tmp_path / "churn.ipynb", "!python train.py")))
    script = tmp_path / "train.py"
    script.write_text(_TELL)
    assert _run(str(script))["notebook"] == str(script)


def test_a_worker_of_a_notebook_belongs_to_the_notebook(tmp_path, monkeypatch):
    path = _write_notebook(tmp_path / "churn.ipynb", "1")
    monkeypatch.setenv("JPY_SESSION_NAME", str(path))
    assert _run("-c", _TELL)["notebook"] == str(path)


def test_a_prompt_has_no_notebook():
    assert "notebook" not in _run("-c", _TELL)


def test_an_installed_program_is_no_script():
    assert "notebook" not in collect(), "pytest runs this, and is not where it is written"
