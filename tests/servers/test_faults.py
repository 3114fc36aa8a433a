"""The proxy passes everything on unchanged, and goes wrong exactly as told."""

from __future__ import annotations

import hashlib
import http.client
import io
import os
import threading
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
)

from tests.servers.faults import FaultyProxy

MIB = 2**20
BROKEN = (ConnectionClosedError, ResponseStreamingError, IncompleteReadError)


@pytest.fixture(params=["ceph", "moto"])
def proxied(request, behind_proxy):
    """A server behind a proxy, a bucket, the proxy; nothing noted yet."""
    server, proxy = behind_proxy(request.getfixturevalue(request.param))
    bucket = server.new_bucket()
    proxy.forget()
    return server, bucket, proxy


@pytest.mark.parametrize("size", [0, 1000, 3 * MIB], ids=["nothing", "1 kB", "3 MiB"])
def test_bytes_headers_and_versions_pass_unchanged(proxied, size):
    server, bucket, proxy = proxied
    body = os.urandom(size)
    name = "sub/naïve name+&=?#%.csv"
    put = server.client().put_object(Bucket=bucket, Key=name, Body=body, Metadata={"origin": "youtube"})
    got = server.client().get_object(Bucket=bucket, Key=name, VersionId=put["VersionId"])
    assert got["Body"].read() == body
    assert got["Metadata"] == {"origin": "youtube"}
    assert [(request.method, request.status) for request in proxy.requests] == [("PUT", 200), ("GET", 200)]
    assert proxy.requests[0].headers["x-amz-meta-origin"] == "youtube"


def test_a_streamed_body_with_trailing_checksum_passes(proxied):
    server, bucket, _ = proxied
    client = server.client(request_checksum_calculation="when_supported")
    body = os.urandom(2 * MIB)
    client.put_object(Bucket=bucket, Key="k", Body=io.BytesIO(body))
    assert server.client().get_object(Bucket=bucket, Key="k")["Body"].read() == body


def test_listings_heads_ranges_and_deletes_pass(proxied):
    server, bucket, _ = proxied
    client = server.client()
    client.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    assert client.head_object(Bucket=bucket, Key="k")["ContentLength"] == 10
    assert client.get_object(Bucket=bucket, Key="k", Range="bytes=2-4")["Body"].read() == b"234"
    client.delete_object(Bucket=bucket, Key="k")
    listing = client.list_object_versions(Bucket=bucket)
    assert len(listing["Versions"]) == len(listing["DeleteMarkers"]) == 1
    with pytest.raises(ClientError, match="404"):
        client.head_object(Bucket=bucket, Key="k")


def test_requests_are_counted_by_method_path_and_parameter(proxied):
    server, bucket, proxy = proxied
    client = server.client()
    for name in ("a", "b"):
        client.put_object(Bucket=bucket, Key=name, Body=b"x")
    client.list_object_versions(Bucket=bucket)
    assert proxy.count() == 3
    assert proxy.count("PUT") == 2
    assert proxy.count("PUT", f"/{bucket}/a") == proxy.count(path="*/b") == 1
    assert proxy.count(parameter="versions") == 1


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (500, "InternalError"),
        (503, "SlowDown"),
        (403, "ExpiredToken"),
        (403, "RequestTimeTooSkewed"),
        (301, "PermanentRedirect"),
        (412, "PreconditionFailed"),
    ],
)
def test_an_error_is_answered_without_the_server(proxied, status, code):
    server, bucket, proxy = proxied
    # Twice, because boto3 follows a redirect to another region by itself, once.
    region = {"x-amz-bucket-region": "eu-west-1"}
    proxy.fail_next("PUT", status=status, code=code, headers=region, times=2)
    with pytest.raises(ClientError) as caught:
        server.client().put_object(Bucket=bucket, Key="k", Body=b"x" * 100_000)
    metadata = caught.value.response["ResponseMetadata"]
    assert caught.value.response["Error"]["Code"] == code
    assert metadata["HTTPStatusCode"] == status
    assert metadata["HTTPHeaders"]["x-amz-bucket-region"] == "eu-west-1"
    assert "Versions" not in server.client().list_object_versions(Bucket=bucket)


def test_faults_strike_as_often_as_told_and_only_what_fits(proxied):
    server, bucket, proxy = proxied
    proxy.fail_next("PUT", status=503, code="SlowDown", times=2, path="*/slow")
    client = server.client(retries={"total_max_attempts": 4, "mode": "standard"})
    client.put_object(Bucket=bucket, Key="fast", Body=b"x")
    client.put_object(Bucket=bucket, Key="slow", Body=b"x")
    assert [request.status for request in proxy.requests] == [200, 503, 503, 200]


def test_a_head_can_fail_and_the_connection_goes_on(proxied):
    server, bucket, proxy = proxied
    client = server.client()
    proxy.fail_next("HEAD", status=403, code="Forbidden")
    with pytest.raises(ClientError, match="403"):
        client.head_bucket(Bucket=bucket)
    assert client.head_bucket(Bucket=bucket)


def test_healing_takes_back_what_has_not_struck(proxied):
    server, bucket, proxy = proxied
    proxy.drop_next(times=1000)
    with pytest.raises(BROKEN):
        server.client().head_bucket(Bucket=bucket)
    proxy.heal()
    assert server.client().head_bucket(Bucket=bucket)


def test_a_lost_answer_leaves_a_version_behind(proxied):
    server, bucket, proxy = proxied
    proxy.cut_next("PUT")
    with pytest.raises(BROKEN):
        server.client().put_object(Bucket=bucket, Key="k", Body=b"x")
    assert proxy.requests[0].status == 0
    assert len(server.client().list_object_versions(Bucket=bucket)["Versions"]) == 1


def test_a_dropped_request_leaves_nothing(proxied):
    server, bucket, proxy = proxied
    proxy.drop_next("PUT")
    with pytest.raises(BROKEN):
        server.client().put_object(Bucket=bucket, Key="k", Body=b"x")
    assert "Versions" not in server.client().list_object_versions(Bucket=bucket)


def test_half_an_upload_makes_no_version(ceph, behind_proxy):
    server, proxy = behind_proxy(ceph)
    bucket = server.new_bucket()
    proxy.cut_next("PUT", of="request", after=MIB)
    with pytest.raises(BROKEN):
        server.client().put_object(Bucket=bucket, Key="k", Body=bytes(4 * MIB))
    assert "Versions" not in server.client().list_object_versions(Bucket=bucket)


def test_a_download_breaks_in_the_middle(proxied):
    server, bucket, proxy = proxied
    server.client().put_object(Bucket=bucket, Key="k", Body=bytes(4 * MIB))
    proxy.cut_next("GET", after=MIB)
    with pytest.raises(BROKEN):
        server.client().get_object(Bucket=bucket, Key="k")["Body"].read()


@pytest.mark.parametrize("place", [0, 300_000, 999_999])
def test_one_byte_of_a_download_is_altered(proxied, place):
    server, bucket, proxy = proxied
    body = os.urandom(1_000_000)
    server.client().put_object(Bucket=bucket, Key="k", Body=body)
    proxy.alter_next("GET", at=place)
    got = server.client().get_object(Bucket=bucket, Key="k")["Body"].read()
    assert [index for index in range(len(body)) if body[index] != got[index]] == [place]
    assert server.client().get_object(Bucket=bucket, Key="k")["Body"].read() == body


def test_an_altered_upload_is_refused_by_a_server_that_checks(ceph, behind_proxy):
    server, proxy = behind_proxy(ceph)
    bucket = server.new_bucket()
    proxy.alter_next("PUT", of="request", at=500)
    with pytest.raises(ClientError, match="XAmzContentSHA256Mismatch"):
        server.client().put_object(Bucket=bucket, Key="k", Body=bytes(1000))


def test_a_delay_outlasts_a_short_patience(moto, behind_proxy):
    server, proxy = behind_proxy(moto)
    bucket = server.new_bucket()
    waiting = threading.Event()
    proxy.call_next("HEAD", lambda _: waiting.wait(60))
    with pytest.raises(ReadTimeoutError):
        server.client(read_timeout=1).head_bucket(Bucket=bucket)
    waiting.set()
    proxy.delay_next("HEAD", seconds=0.01)
    assert server.client().head_bucket(Bucket=bucket)


def test_another_writer_comes_in_just_in_time(proxied):
    server, bucket, proxy = proxied
    client = server.client()
    client.put_object(Bucket=bucket, Key="k", Body=b"mine")
    other = server.client()
    proxy.call_next("GET", lambda _: other.put_object(Bucket=bucket, Key="k", Body=b"theirs"))
    assert client.get_object(Bucket=bucket, Key="k")["Body"].read() == b"theirs"


def test_many_connections_at_once(proxied):
    from concurrent.futures import ThreadPoolExecutor

    server, bucket, proxy = proxied
    client = server.client(max_pool_connections=8)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: client.put_object(Bucket=bucket, Key=f"{number}", Body=b"x"), range(64)))
    assert proxy.count("PUT") == 64
    assert client.list_objects_v2(Bucket=bucket)["KeyCount"] == 64


def test_a_fault_that_means_nothing_is_told_at_once():
    with FaultyProxy("http://127.0.0.1:9") as proxy:
        with pytest.raises(TypeError, match="cut_nonsense"):
            proxy.cut_next("GET", of="nonsense")
        with pytest.raises(TypeError, match="bucket"):
            proxy.fail_next("GET", status=500, code="InternalError", bucket="b")


def test_a_server_that_is_not_there_breaks_the_connection():
    with FaultyProxy("http://127.0.0.1:9") as proxy:
        connection = http.client.HTTPConnection(urlsplit(proxy.endpoint).netloc, timeout=30)
        connection.request("GET", "/")
        with pytest.raises(ConnectionError):
            connection.getresponse()
        connection.close()


@pytest.mark.slow
def test_a_large_body_streams_through_unharmed(ceph_on_disk, behind_proxy):
    server, _ = behind_proxy(ceph_on_disk)
    bucket = server.new_bucket()
    body = os.urandom(MIB) * 256
    server.client().put_object(Bucket=bucket, Key="k", Body=body)
    digest = hashlib.sha256()
    for block in server.client().get_object(Bucket=bucket, Key="k")["Body"].iter_chunks(MIB):
        digest.update(block)
    assert digest.digest() == hashlib.sha256(body).digest()
