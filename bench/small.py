"""A JSON of 1 kB: how many requests, and what the kit adds to one."""

from __future__ import annotations

import itertools
import json
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.context import Context, like_ours
from bench.counting import counted
from bench.peers import Pins
from bench.rounds import Contestant, in_turns
from bench.rows import Exactly, Row, Target, compared, duration, measured

OURS = "jsk_saver"
NAME = "settings.json"
ROOT = Path(__file__).parent.parent
BARE, PLAIN = "bare put_object", "the same, boto3 as it comes"
BARE_GET = "bare get_object"


def document(number: int = 0) -> dict[str, Any]:
    """Return an object whose JSON is 1 kB; another one for another number."""
    settings = {f"parameter_{i:02}": round((i * 7919 + number) / 977, 4) for i in range(40)}
    return {"run": number, "settings": settings, "note": "k" * 47}


def small(context: Context) -> Iterator[Row]:
    """Count requests, then measure times."""
    yield from _requests(context)
    yield from _times(context)


def _requests(context: Context) -> Iterator[Row]:
    saver = context.saver("requests")
    with counted(saver.store.client) as first:  # type: ignore[attr-defined]
        saver.put(NAME, document())
    with counted(saver.store.client) as sent:  # type: ignore[attr-defined]
        saver.put(NAME, document(1), metadata={"origin": "bench"})
    once = f"the first put of a machine into a bucket: {len(first)} ({', '.join(first)})"
    yield _count("json.put.requests", "put JSON 1 kB: requests", sent, 1, once)

    with counted(saver.store.client) as sent:  # type: ignore[attr-defined]
        saver.get(NAME)
    yield _count("json.get.requests", "get JSON 1 kB by name: requests", sent, 1)

    caching = context.saver("requests", cache=True)
    version = caching.history(NAME)[0].version
    with counted(caching.store.client) as first:  # type: ignore[attr-defined]
        caching.get(NAME, version=version)
    with counted(caching.store.client) as sent:  # type: ignore[attr-defined]
        caching.get(NAME, version=version)
    note = f"the first time: {len(first)}"
    yield _count("json.get.pinned", "get pinned to a version, second time: requests", sent, 0, note)


def _count(key: str, measure: str, sent: list[str], target: int, note: str = "") -> Row:
    shown = f"{len(sent)}" + (f" ({', '.join(sent)})" if sent else "")
    return measured(key, measure, len(sent), Exactly(target, "requests"), shown=shown, note=note)


def _times(context: Context) -> Iterator[Row]:
    bucket, numbers = context.bucket, itertools.count()
    saver = context.saver("json")
    tuned, plain = bucket.client(**like_ours(saver.settings)), bucket.client()

    def put(client: Any) -> Any:
        body = json.dumps(document(next(numbers))).encode()
        return client.put_object(Bucket=bucket.name, Key="bare.json", Body=body)

    def get(client: Any) -> Any:
        return json.loads(client.get_object(Bucket=bucket.name, Key="bare.json")["Body"].read())

    puts = in_turns(
        [Contestant(OURS, lambda: saver.put(NAME, document(next(numbers)))),
         Contestant(BARE, lambda: put(tuned)), Contestant(PLAIN, lambda: put(plain))],
        context.rounds(200), warm_ups=5,
    )  # fmt: skip
    yield compared("json.put.bare", "put JSON 1 kB", puts, OURS, BARE, target=Target(1.5))
    yield compared("json.put.plain", "put JSON 1 kB", puts, OURS, PLAIN)
    gets = in_turns(
        [Contestant(OURS, lambda: saver.get(NAME)), Contestant(BARE_GET, lambda: get(tuned))],
        context.rounds(200), warm_ups=5,
    )  # fmt: skip
    yield compared("json.get.bare", "get JSON 1 kB", gets, OURS, BARE_GET)
    pins = Pins(bucket, context.folder / "pins-json")
    versus = in_turns(
        [Contestant(OURS, lambda: saver.put(NAME, document(next(numbers)))),
         Contestant(pins.name, lambda: pins.put_json(NAME, document(next(numbers))))],
        context.rounds(15),
    )  # fmt: skip
    yield compared("json.put.pins", "put JSON 1 kB", versus, OURS, pins.name)
    versus = in_turns(
        [Contestant(OURS, lambda: saver.get(NAME)),
         Contestant(pins.name, lambda: pins.get_json(NAME), pins.forget)],
        context.rounds(15),
    )  # fmt: skip
    yield compared("json.get.pins", "get JSON 1 kB", versus, OURS, pins.name)
    yield _first_put(context)


def _first_put(context: Context) -> Row:
    """Measure what a person waits for in the first cell of a new notebook: everything is loaded there."""
    runs = [_fresh_process(context, number) for number in range(context.rounds(5))]
    taken = statistics.median(runs)
    note = "boto3 and its service model, lineage, whether the bucket keeps versions: all once a process"
    return Row(
        "json.put.first", "import, and put JSON 1 kB, in a fresh process and machine", duration(taken),
        note=note, figures={"seconds": runs},
    )  # fmt: skip


def _fresh_process(context: Context, number: int) -> float:
    home, store = context.folder / f"home-first-{number}", f"s3://{context.bucket.name}/first-{number}"
    code = (
        "import json, sys, time; start = time.perf_counter(); from jsk_saver import Saver; "
        "Saver(sys.argv[1], home=sys.argv[2], progress=False).put(sys.argv[3], json.loads(sys.argv[4])); "
        "print(time.perf_counter() - start)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, store, home, NAME, json.dumps(document())],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return float(done.stdout)
