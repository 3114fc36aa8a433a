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
SAME_TYPES = "pandas + s3fs, told the same dtypes"
PLAIN = "bare pyarrow + boto3"
TUNED = "bare, client set up like the kit's"
USUAL = "bare, Parquet settings of pyarrow"
THEIR_FILE = "bare, the file that bare put"


def parquet(context: Context) -> Iterator[Row]:
    """Parquet on S3, against bare libraries and against other tools."""
    yield from _parquet_against_bare(context)
    yield from _parquet_against_tools(context)


def _parquet_against_bare(context: Context) -> Iterator[Row]:
    """Measure what the kit costs: the bare libraries encode alike, with two kinds of client."""
    frame, bucket, rounds = context.frame, context.bucket, context.rounds(11)
    saver, key = context.saver("parquet"), f"parquet/{NAME}"
    plain = Bare(bucket, bucket.client(), parquet_settings(frame))
    tuned = Bare(bucket, bucket.client(**like_ours(saver.settings)), parquet_settings(frame))
    usual = Bare(bucket, bucket.client(), {})
    puts = duel(
        lambda: saver.put(NAME, frame),
        {PLAIN: lambda: plain.put_parquet("plain.parquet", frame),
         TUNED: lambda: tuned.put_parquet("tuned.parquet", frame),
         USUAL: lambda: usual.put_parquet("usual.parquet", frame)},
        rounds,
    )  # fmt: skip
    sizes = [megabytes(_size(plain, each)) for each in (key, "tuned.parquet", "usual.parquet")]
    note = f"file: ours {sizes[0]}, bare with the same Parquet settings {sizes[1]}, with pyarrow's {sizes[2]}"
    yield compared("parquet.put.plain", "put Parquet", puts, OURS, PLAIN, target=NO_SLOWER, note=note)
    yield compared("parquet.put.tuned", "put Parquet", puts, OURS, TUNED, target=NO_SLOWER)
    yield compared("parquet.put.usual", "put Parquet", puts, OURS, USUAL)
    gets = duel(
        lambda: saver.get(NAME),
        {PLAIN: lambda: plain.get_parquet(key), TUNED: lambda: tuned.get_parquet(key),
         THEIR_FILE: lambda: tuned.get_parquet("tuned.parquet"),
         USUAL: lambda: usual.get_parquet("usual.parquet")},
        rounds,
    )  # fmt: skip
    note = "both read the object that the kit put; the kit's cache is off, and it checks the SHA-256"
    yield compared("parquet.get.plain", "get Parquet", gets, OURS, PLAIN, target=NO_SLOWER, note=note)
    yield compared("parquet.get.tuned", "get Parquet", gets, OURS, TUNED, target=NO_SLOWER)
    yield compared("parquet.get.theirs", "get Parquet", gets, OURS, THEIR_FILE)
    yield compared("parquet.get.usual", "get Parquet", gets, OURS, USUAL)
    yield from _warm(context, saver, tuned, key)
    bucket.empty()


def _warm(context: Context, saver: Saver, bare: Bare, key: str) -> Iterator[Row]:
    """Measure what the cache saves when a version is read again."""
    from jsk_saver import Saver

    caching = Saver(saver.store.uri, home=context.folder / "home-warm", progress=False)
    version = saver.history(NAME)[0].version
    times = duel(
        lambda: caching.get(NAME, version=version), {TUNED: lambda: bare.get_parquet(key)}, context.rounds(5)
    )
    note = (
        "a version read before, cache on: no request, and the digest is checked again; theirs is not cached"
    )
    yield compared("parquet.get.warm", "get Parquet, cached", times, OURS, TUNED, note=note)


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
    told = {"parse_dates": ["published"], "dtype": {"category": "category"}}
    gets = duel(
        lambda: saver.get("table.csv"),
        {
            peer.name: lambda: peer.get_csv("table.csv"),
            SAME_TYPES: lambda: peer.get_csv("table.csv", **told),
        },
        context.rounds(7),
    )  # fmt: skip
    client = bucket.client()
    ours = client.head_object(Bucket=bucket.name, Key="csv/table.csv")["ContentLength"]
    theirs = client.head_object(Bucket=bucket.name, Key="pandas/table.csv")["ContentLength"]
    note = f"file: ours {megabytes(ours)}, theirs {megabytes(theirs)}"
    yield compared("csv.put", "put CSV", puts, OURS, peer.name, target=Target(5, at_least=True), note=note)
    note = "ours comes back with its dtypes, theirs with times and categories as text"
    yield compared("csv.get", "get CSV", gets, OURS, peer.name, target=Target(3, at_least=True), note=note)
    yield compared("csv.get.types", "get CSV", gets, OURS, SAME_TYPES)
    bucket.empty()


# Helpers ----------------------------------------------------------------------------------------------


def parquet_settings(frame: pd.DataFrame) -> dict[str, Any]:
    """Return the kit's own arguments of ``write_table``, so that the bare baseline encodes alike."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from jsk_saver.formats import parquet_layout
    from jsk_saver.formats.columnar import Parquet
    from jsk_saver.formats.tables import as_arrow
    from jsk_saver.payload import Payload

    with Payload() as payload:
        Parquet().encode(frame, payload, NAME)
        written = pq.read_metadata(pa.BufferReader(payload.finish().getvalue()))
    options = parquet_layout.options(as_arrow(frame, NAME, show_range=False))
    return {**options, "row_group_size": written.row_group(0).num_rows}


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
