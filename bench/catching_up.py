"""A new machine, an empty index: how long until everything in the bucket can be searched."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bench.context import Context, like_ours
from bench.rounds import Contestant, in_turns
from bench.rows import Row, Target, compared

OURS, BARE = "jsk_saver", "bare list + parallel heads"
VERSIONS = 10_000
VERSIONS_OF_A_NAME = 4


def catch_up(context: Context) -> Iterator[Row]:
    """Ours against the bare requests that it cannot do without."""
    saver = context.saver("catchup")
    count = context.scaled(VERSIONS)
    _fill(saver, count)
    settings = saver.settings
    client = context.bucket.client(**like_ours(settings))
    home = context.folder / "home-catchup-fresh"

    def ours() -> None:
        found = fresh[0].search(limit=1)
        assert found

    def begin() -> None:
        """Make a saver that knows nothing; connecting is not what is measured, on either side."""
        from jsk_saver import Saver

        shutil.rmtree(home, ignore_errors=True)
        fresh[:] = [Saver(saver.store.uri, home=home, progress=False)]
        fresh[0].store.head("data/00000.json")

    fresh: list[Any] = []
    times = in_turns(
        [Contestant(OURS, ours, begin),
         Contestant(BARE, lambda: _bare(client, context.bucket.name, "catchup/", settings.connections))],
        context.rounds(5),
    )  # fmt: skip
    assert len(fresh[0].search(limit=None, refresh=False)) == count
    measure = f"catch-up of an empty index with {count:,} versions"
    note = "same client settings, same number of connections"
    yield compared("catchup", measure, times, OURS, BARE, target=Target(1.2), note=note)
    yield _nothing_new(context, fresh[0])
    context.bucket.empty()


def _nothing_new(context: Context, saver: Any) -> Row:
    times = in_turns(
        [Contestant(OURS, lambda: saver.search(limit=1)),
         Contestant("bare list", lambda: _listed(saver.store.client, context.bucket.name, "catchup/"))],
        context.rounds(5),
    )  # fmt: skip
    return compared("catchup.nothing", "search when nothing is new", times, OURS, "bare list")


def _fill(saver: Any, count: int) -> None:
    """Write versions as the kit does; straight to the store, as other people's machines would."""
    from jsk_saver.payload import Payload
    from jsk_saver.record import Record

    def write(number: int) -> None:
        name = f"data/{number // VERSIONS_OF_A_NAME:05}.json"
        with Payload() as payload:
            payload.write(b'{"number":%d}' % number)
            payload.finish()
            saver.store.put(
                Record(
                    name=name, version="", format="json", type="builtins.dict", size=payload.size,
                    digest=payload.digest, created=dt.datetime.now(dt.UTC),
                    metadata={"origin": ("youtube", "vimeo")[number % 2], "number": number, "kind": "draft"},
                    lineage={"user": "ada", "commit": f"{number:040x}", "branch": "main", "python": "3.11.7"},
                ),
                payload,
            )  # fmt: skip

    with ThreadPoolExecutor(saver.settings.connections) as pool:
        list(pool.map(write, range(count)))


def _listed(client: Any, bucket: str, prefix: str) -> list[tuple[str, str]]:
    pages = client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
    return [(item["Key"], item["VersionId"]) for page in pages for item in page.get("Versions", ())]


def _bare(client: Any, bucket: str, prefix: str, connections: int) -> int:
    """List, and fetch headers of each page while the next is being listed."""
    pages = client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
    with ThreadPoolExecutor(connections) as pool:
        jobs = [
            pool.submit(client.head_object, Bucket=bucket, Key=item["Key"], VersionId=item["VersionId"])
            for page in pages
            for item in page.get("Versions", ())
        ]
        return sum(len(job.result()["Metadata"]) for job in jobs)
