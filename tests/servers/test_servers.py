"""The servers do what the other tests rely on, and leave nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.servers import ceph as ceph_module
from tests.servers.ceph import Ceph
from tests.servers.processes import Processes, ServerFailed, stop_by_id, temporary_folder
from tests.servers.s3 import ServerUnavailable

ROOT = Path(__file__).parents[2]
MIB = 2**20


@pytest.fixture(params=["ceph", "moto"])
def server(request):
    return request.getfixturevalue(request.param)


def test_versions_and_delete_markers_are_real(server):
    client, bucket = server.client(), server.new_bucket()
    first = client.put_object(Bucket=bucket, Key="k", Body=b"first", Metadata={"origin": "youtube"})
    second = client.put_object(Bucket=bucket, Key="k", Body=b"second")
    marker = client.delete_object(Bucket=bucket, Key="k")["VersionId"]
    listing = client.list_object_versions(Bucket=bucket)
    assert [entry["VersionId"] for entry in listing["Versions"]] == [second["VersionId"], first["VersionId"]]
    assert [entry["VersionId"] for entry in listing["DeleteMarkers"]] == [marker]
    old = client.get_object(Bucket=bucket, Key="k", VersionId=first["VersionId"])
    assert old["Body"].read() == b"first"
    assert old["Metadata"] == {"origin": "youtube"}


def test_a_bucket_can_be_without_versions(server):
    bucket = server.new_bucket(versioned=False)
    assert "Status" not in server.client().get_bucket_versioning(Bucket=bucket)


def test_parts_become_one_version(server):
    client, bucket = server.client(), server.new_bucket()
    upload = client.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    place = {"Bucket": bucket, "Key": "k", "UploadId": upload}
    parts = [
        {"PartNumber": number, "ETag": client.upload_part(**place, PartNumber=number, Body=body)["ETag"]}
        for number, body in enumerate((b"a" * 5 * MIB, b"b"), start=1)
    ]
    done = client.complete_multipart_upload(**place, MultipartUpload={"Parts": parts})
    whole = client.get_object(Bucket=bucket, Key="k", VersionId=done["VersionId"])
    assert whole["Body"].read() == b"a" * 5 * MIB + b"b"


def test_the_environment_is_all_that_boto3_needs(server, point_at):
    import boto3

    point_at(server)
    bucket = server.new_bucket()
    client = boto3.Session().client("s3")  # not the default session, which remembers another test's keys
    assert bucket in [entry["Name"] for entry in client.list_buckets()["Buckets"]]


def test_ceph_checks_signatures(ceph):
    stranger = ceph.behind(ceph.endpoint)
    stranger.secret_key = "guessed"
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        stranger.client().list_buckets()


def test_ceph_on_disk_holds_bytes_that_do_not_compress(ceph_on_disk):
    body = os.urandom(9 * MIB)
    client, bucket = ceph_on_disk.client(), ceph_on_disk.new_bucket()
    client.put_object(Bucket=bucket, Key="k", Body=body)
    assert client.get_object(Bucket=bucket, Key="k")["Body"].read() == body


# Coming and going -----------------------------------------------------------------------------------


def test_what_is_missing_is_named_with_the_way_to_get_it(monkeypatch):
    monkeypatch.setattr(ceph_module, "find_program", lambda name: None if "osd" in name else name)
    with pytest.raises(ServerUnavailable, match=r"not installed: ceph-osd \(.*make servers"), Ceph():
        pass


def test_a_server_that_dies_says_its_last_words(tmp_path):
    processes = Processes()
    processes.start(
        [sys.executable, "-c", "raise SystemExit('the port is taken')"], tmp_path / "log", os.environ
    )
    with pytest.raises(ServerFailed, match="the port is taken"):
        processes.wait_until(lambda: False, "It", seconds=60)
    processes.stop()


def test_servers_end_with_a_parent_that_is_killed(tmp_path):
    code = f"""
        import os, time
        from pathlib import Path
        from tests.servers.processes import Processes
        processes = Processes()
        processes.start(["sleep", "600"], Path({str(tmp_path / "log")!r}), os.environ)
        print(processes.ids[0], flush=True)
        time.sleep(600)
    """
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert _alive(child)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    _wait_until(lambda: not _alive(child))


def test_folders_of_killed_runs_are_removed_by_the_next(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ended = subprocess.run(["sh", "-c", "echo $$"], capture_output=True, text=True, check=True)
    left, foreign = tmp_path / f"kit-{ended.stdout.strip()}-abc", tmp_path / "kit-notes"
    left.mkdir()
    foreign.mkdir()
    mine = temporary_folder("kit-")
    other = temporary_folder("kit-")
    assert not left.exists()
    assert {folder.name for folder in tmp_path.iterdir()} == {mine.name, other.name, "kit-notes"}


def test_a_process_id_that_now_belongs_to_another_is_left_alone():
    other = subprocess.Popen(["sleep", "600"])
    try:
        assert not stop_by_id(other.pid, ["/somewhere/ceph.conf"])
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


@pytest.mark.slow
def test_the_command_line_starts_a_gateway_and_stops_it(ceph, tmp_path):
    def command(action):
        line = [sys.executable, "-m", "tests.servers.ceph", action, str(tmp_path / "s3")]
        return subprocess.run(line, capture_output=True, text=True, check=True, cwd=ROOT).stdout

    said = command("start")
    note = json.loads((tmp_path / "s3" / "server.json").read_text())
    try:
        assert f"export JSK_ENDPOINT_URL={note['JSK_ENDPOINT_URL']}\n" in said
        assert all(_alive(pid) for pid in note["ids"])
        assert ceph.behind(note["JSK_ENDPOINT_URL"]).new_bucket()
    finally:
        assert command("stop") == "# stopped 3 daemons\n"
    assert not any(_alive(pid) for pid in note["ids"])
    assert not (tmp_path / "s3").exists()


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def _wait_until(true, seconds=30):
    limit = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < limit, f"not so after {seconds} s"
        time.sleep(0.05)
