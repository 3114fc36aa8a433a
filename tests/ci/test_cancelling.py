"""A job that is cancelled leaves nothing behind: no container, no file with a password."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.ci import locked

ROOT = Path(__file__).parents[2]
#: Answers as buildah does, notes what it is asked, and takes its time for what `slow` names.
_STAND_IN = """\
#!/bin/sh
echo "$@" >>{notes}
case "$1" in
inspect) if [ -e {here} ]; then cat {here}; else echo image not known >&2; exit 1; fi;;
from) echo a-container;;
{slow}) touch {reached}; exec sleep 300;;
esac
"""
_IMAGE = """\
{"FromImageID": "1", "Docker": {"config": {"Labels": {
"io.jsk.kernel.name": "iris", "io.jsk.kernel.fingerprint": "1"}}}}
"""


@pytest.fixture
def cancelled(tmp_path, monkeypatch, no_logins):
    """Runs a step, cancels it while buildah works, and returns what buildah was asked."""
    notes, reached, temporary = tmp_path / "notes", tmp_path / "reached", tmp_path / "tmp"
    (tmp_path / "bin").mkdir()
    temporary.mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")

    def run(slow: str, *words: object, **more: str) -> list[str]:
        program = tmp_path / "bin" / "buildah"
        program.write_text(_STAND_IN.format(notes=notes, reached=reached, here=tmp_path / "here", slow=slow))
        program.chmod(0o755)
        environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'ci'}", "TMPDIR": str(temporary), **more}
        with subprocess.Popen(
            [sys.executable, "-m", "jsk_ci.cli", *map(str, words), "--builder", "buildah"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            while not reached.exists():
                assert process.poll() is None, process.communicate()
                time.sleep(0.05)
            process.send_signal(signal.SIGTERM)
            assert process.wait() == 128 + signal.SIGTERM
        assert list(temporary.iterdir()) == []
        return notes.read_text().splitlines()

    return run


def test_a_smoke_test_takes_its_container_along(cancelled, tmp_path):
    (tmp_path / "here").write_text(_IMAGE)
    assert cancelled("run", "smoke", "jsk/iris:1")[-1] == "rm a-container"


def test_a_build_takes_its_passwords_along(cancelled, tmp_path, index):
    """Those of package indexes, and those that it was lent for a registry."""
    parent, host = f"registry.example.org/python@sha256:{64 * '0'}", "registry.example.com"
    folder = locked.write(tmp_path / "iris", index, "leaf", kernel=f'from = "{parent}"')
    locked.lock(folder)
    login = {"CI_REGISTRY": host, "CI_REGISTRY_USER": "ada", "CI_REGISTRY_PASSWORD": "se-cret"}
    index_url = {"PIP_INDEX_URL": "https://ada:se-cret@index.example.org/simple"}
    found = cancelled("build", "build", folder, "--registry", f"{host}/kernels", **login, **index_url)
    asked = "\n".join(found).rpartition("\nbuild ")[2]
    assert "/jsk-login-" in asked
    assert "/pip.conf" in asked
