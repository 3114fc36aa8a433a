"""Builders push with a login that is in no file: the one that GitLab gives to jobs."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from jsk_ci import candidates, lending
from jsk_ci.errors import RegistryError
from jsk_ci.references import Reference
from jsk_ci.registry import Repository
from tests.ci.building import Kernels, Made
from tests.servers.registry import Registry


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch, no_logins: None, guarded: Registry) -> None:
    """What GitLab gives to a job."""
    monkeypatch.setenv("CI_REGISTRY", guarded.host)
    monkeypatch.setenv("CI_REGISTRY_USER", "ada")
    monkeypatch.setenv("CI_REGISTRY_PASSWORD", "se:cret")


def test_a_login_is_lent_and_taken_back(job: None, guarded: Registry, tmp_path: Path, monkeypatch):
    folder = tmp_path / "docker"
    (folder / "cli-plugins").mkdir(parents=True)
    (folder / "config.json").write_text('{"credsStore": "gone", "HttpHeaders": {"a": "b"}}')
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    (folder / "config.json").write_text('{"HttpHeaders": {"a": "b"}}')
    with lending.logins([f"{guarded.host}/kernels"]):
        lent = Path(os.environ["DOCKER_CONFIG"])
        told = json.loads((lent / "config.json").read_text())
        assert told["HttpHeaders"] == {"a": "b"}
        assert list(told["auths"]) == [guarded.host]
        assert (lent / "config.json").stat().st_mode & 0o777 == 0o600
        assert (lent / "cli-plugins").is_dir()
    assert os.environ["DOCKER_CONFIG"] == str(folder)
    assert not lent.exists()


def test_nothing_is_lent_where_a_file_has_the_login(
    guarded: Registry, job: None, tmp_path: Path, monkeypatch
):
    folder = guarded.docker_config(tmp_path / "docker")
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    with lending.logins([f"{guarded.host}/kernels:1", "docker.io/library/python:3.11"]):
        assert os.environ["DOCKER_CONFIG"] == str(folder)


def test_a_hosts_own_helper_that_knows_nothing_does_not_hide_what_is_lent(
    job: None, guarded: Registry, tmp_path: Path, monkeypatch
):
    helper = tmp_path / "bin" / "docker-credential-empty"
    helper.parent.mkdir()
    helper.write_text("#!/bin/sh\necho credentials not found in native keychain\nexit 1\n")
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{helper.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    told = {"auths": None, "credHelpers": {guarded.host: "empty", "other.example.org": "empty"}}
    (tmp_path / "config.json").write_text(json.dumps(told))
    with lending.logins([f"{guarded.host}/kernels"]):
        lent = json.loads(Path(os.environ["DOCKER_CONFIG"], "config.json").read_text())
    assert lent["credHelpers"] == {"other.example.org": "empty"}
    assert list(lent["auths"]) == [guarded.host]


def test_whatever_else_the_client_keeps_is_shown_and_not_copied(
    job: None, guarded: Registry, tmp_path: Path, monkeypatch
):
    """Docker Desktop keeps sockets there, which nothing can copy, and gigabytes."""
    monkeypatch.chdir(tmp_path)  # a socket's path is short
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    (tmp_path / "run").mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("run/docker.sock")
        with lending.logins([f"{guarded.host}/kernels"]):
            lent = Path(os.environ["DOCKER_CONFIG"])
            assert (lent / "run" / "docker.sock").is_socket()
    assert (tmp_path / "run" / "docker.sock").is_socket()


@pytest.mark.slow
def test_both_builders_push_with_a_jobs_login(job: None, kernels: Kernels, base: Made, guarded: Registry):
    target = Reference.parse(f"{guarded.host}/{kernels.builder.name}/base:{candidates.PREFIX}1")
    with pytest.raises(RegistryError):
        kernels.builder.push(base.image.reference, target)
    with lending.logins([target.name]):
        digest = kernels.builder.push(base.image.reference, target)
    assert Repository(target).digest(target.tag or "") == digest
