"""Saving and loading the table on S3: Parquet against bare libraries and other tools, CSV against pandas."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bench.context import Context, like_ours
from bench.peers import AwsWrangler, Bare, PandasS3fs, Peer, Pins
from bench.rounds import Contestant, Timings, in_turns
from bench.rows import Row, Target, compared, megabytes

if TYPE_CHECKING:
    import pandas as pd

    from jsk_saver import Saver

OURS = "jsk_saver"
NO_SLOWER = Target(1.10)
FASTER = Target(1.0)
NAME = "table.parquet"


def parquet(context: Context) -> Iterator[Row]:
    """Parquet on S3, against bare libraries and against other tools."""
    yield from _parquet_against_bare(context)
    yield from _parquet_against_tools(context)


def _parquet_against_bare(context: Context) -> Iterator[Row]:
    frame, bucket, rounds = context.frame, context.bucket, context.rounds(11)
    saver = context.saver("parquet")
    tuned = Bare(bucket, bucket.client(**like_ours(saver.settings)), parquet_settings(frame))
    plain = Bare(bucket, bucket.client(), {})
    key = f"parquet/{NAME}"
    puts = duel(
        lambda: saver.put(NAME, frame),
        {"tuned": lambda: tuned.put_parquet("tuned.parquet", frame),
         "plain": lambda: plain.put_parquet("plain.parquet", frame)},
        rounds,
    )  # fmt: skip
    sizes = f"file: ours {megabytes(_size(tuned, key))}, theirs {megabytes(_size(tuned, 'tuned.parquet'))}"
    yield against(puts, "parquet.put.bare", "put Parquet", "tuned", "bare pyarrow + boto3", NO_SLOWER, sizes)
    yield against(
        puts, "parquet.put.plain", "put Parquet", "plain", "bare, both libraries as they come", None
    )
    gets = duel(
        lambda: saver.get(NAME),
        {"tuned": lambda: tuned.get_parquet(key), "plain": lambda: plain.get_parquet(key),
         "their file": lambda: tuned.get_parquet("tuned.parquet")},
        rounds,
    )  # fmt: skip
    note = "both read the object that the kit put; the kit's cache is off, and it checks the SHA-256"
    yield against(gets, "parquet.get.bare", "get Parquet", "tuned", "bare pyarrow + boto3", NO_SLOWER, note)
    yield against(gets, "parquet.get.plain", "get Parquet", "plain", "the same, boto3 as it comes", None)
    yield against(
        gets, "parquet.get.theirs", "get Parquet", "their file", "bare, the file that bare put", None
    )
    yield from _warm(context, saver, tuned, key)
    bucket.empty()


def _warm(context: Context, saver: Saver, bare: Bare, key: str) -> Iterator[Row]:
    """Measure what the cache saves when a version is read again."""
    from jsk_saver import Saver

    caching = Saver(saver.store.uri, home=context.folder / "home-warm", progress=False)
    version = saver.history(NAME)[0].version
    times = duel(
        lambda: caching.get(NAME, version=version), {"bare": lambda: bare.get_parquet(key)}, context.rounds(5)
    )
    note = "a version read before, cache on: no request, and the digest is checked again"
    yield against(times, "parquet.get.warm", "get Parquet, cached", "bare", "bare, cold", None, note)


def _parquet_against_tools(context: Context) -> Iterator[Row]:
    frame, bucket = context.frame, context.bucket
    saver = context.saver("tools")
    peers: list[Peer] = [AwsWrangler(bucket), PandasS3fs(bucket), Pins(bucket, context.folder / "pins")]
    rounds = context.rounds(5)
    puts = in_turns(
        [Contestant(OURS, lambda: saver.put(NAME, frame)),
         *(Contestant(p.name, lambda p=p: p.put_parquet(NAME, frame), p.forget) for p in peers)],
        rounds,
    )  # fmt: skip
    gets = in_turns(
        [Contestant(OURS, lambda: saver.get(NAME)),
         *(Contestant(p.name, lambda p=p: p.get_parquet(NAME), p.forget) for p in peers)],
        rounds,
    )  # fmt: skip
    for verb, timings in (("put", puts), ("get", gets)):
        for peer in peers:
            key = f"parquet.{verb}.{peer.name.split()[0]}"
            yield compared(key, f"{verb} Parquet", timings, OURS, peer.name, target=FASTER)
    bucket.empty()


def csv(context: Context) -> Iterator[Row]:
    """CSV on S3, against pandas and s3fs."""
    frame, bucket = context.frame, context.bucket
    saver, peer = context.saver("csv"), PandasS3fs(bucket)
    puts = duel(
        lambda: saver.put("table.csv", frame),
        {peer.name: lambda: peer.put_csv("table.csv", frame)},
        context.rounds(5),
    )
    gets = duel(
        lambda: saver.get("table.csv"), {peer.name: lambda: peer.get_csv("table.csv")}, context.rounds(7)
    )
    client = bucket.client()
    ours = client.head_object(Bucket=bucket.name, Key="csv/table.csv")["ContentLength"]
    theirs = client.head_object(Bucket=bucket.name, Key="pandas/table.csv")["ContentLength"]
    sizes = f"file: ours {megabytes(ours)}, theirs {megabytes(theirs)}"
    at_least = {"put": Target(5, at_least=True), "get": Target(3, at_least=True)}
    yield compared("csv.put.pandas", "put CSV", puts, OURS, peer.name, target=at_least["put"], note=sizes)
    note = "ours comes back with its dtypes, theirs with times and categories as text"
    yield compared("csv.get.pandas", "get CSV", gets, OURS, peer.name, target=at_least["get"], note=note)
    bucket.empty()


# Helpers ----------------------------------------------------------------------------------------------


def parquet_settings(frame: pd.DataFrame) -> dict[str, Any]:
    """Return the kit's own arguments of ``write_table``, so that the bare baseline encodes alike."""
    from jsk_saver.formats import parquet_layout
    from jsk_saver.formats.columnar import _slice_bytes
    from jsk_saver.formats.tables import as_arrow

    view = as_arrow(frame, NAME, show_range=False)
    start, stop = next(iter(view.slices(_slice_bytes(view))))
    return {**parquet_layout.options(view), "row_group_size": stop - start}


def duel(ours: Any, others: dict[str, Any], rounds: int) -> Timings:
    """Let the kit and others take turns."""
    return in_turns([Contestant(OURS, ours), *(Contestant(*item) for item in others.items())], rounds)


def against(
    timings: Timings,
    key: str,
    measure: str,
    peer: str,
    shown: str,
    target: Target | None = None,
    note: str = "",
) -> Row:
    """Return the line that compares the kit with ``peer``, who is ``shown`` by another name."""
    return replace(compared(key, measure, timings, OURS, peer, target=target, note=note), peer=shown)


def _size(bare: Bare, key: str) -> int:
    return int(bare.client.head_object(Bucket=bare.bucket, Key=key)["ContentLength"])
