"""Searches over a million records: load, size, and how long each kind of query takes.

``python bench/index_search.py --records 1000000`` prints a table. The records come name by name, ten versions
each, as a catch-up from a bucket brings them: every part of the index then spans all the time there is, which
is the hard case for "newest first". Queries ask for the 100 newest (or best) of what fits, with shares from
a single record to half of all.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import itertools
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from jsk_saver.index import NameState, Query, any_of, at_least, between, less_than, not_, query
from jsk_saver.index.sqlite import SqliteIndex
from jsk_saver.record import Record

START = dt.datetime(2023, 1, 1, tzinfo=dt.UTC)
DAYS = 730
VERSIONS = 10
ORIGINS = ["youtube"] * 8 + ["vimeo"] * 4 + ["twitch"] * 2 + ["podcast", "radio"]
SUBJECTS = ["channels", "videos", "comments", "subscribers", "captions", "thumbnails", "playlists", "revenue"]
KINDS = ["lgbm", "xgboost", "linear", "forest", "mlp"]
SYLLABLES = [
    "ba",
    "co",
    "da",
    "fi",
    "go",
    "ha",
    "ju",
    "ka",
    "le",
    "mo",
    "na",
    "pi",
    "qua",
    "re",
    "sa",
    "tu",
    "ve",
    "wi",
    "xo",
    "yu",
    "za",
    "bre",
    "cli",
    "dro",
    "fla",
    "gri",
]


class World:
    """Random but repeatable records, and what to ask about them."""

    def __init__(self, seed: int = 1) -> None:
        self.random = random.Random(seed)
        pick = self.random.choice
        words = {"".join(pick(SYLLABLES) for _ in range(2 + number % 4)) for number in range(30_000)}
        self.words = sorted(words)
        self.random.shuffle(self.words)
        weights = [1 / (rank + 5) for rank in range(len(self.words))]
        drawn = iter(self.random.choices(self.words, weights, k=200_000))
        self.titles = [" ".join(next(drawn) for _ in range(4)) for _ in range(50_000)]
        self.commits = [self.random.randbytes(20).hex() for _ in range(5_000)]

    def record(self, name: str, version: int, when: dt.datetime) -> Record:
        """Return a random record: ten metadata values, ten of lineage, two facts."""
        number = self.random.random
        pick = self.random.choice
        digest = hashlib.sha256(f"{name}{version}".encode()).hexdigest()
        metadata = {
            "origin": pick(ORIGINS),
            "what": pick(SUBJECTS),
            "rows": int(10 ** (1 + 6 * number())),
            "title": pick(self.titles),
            "day": (START + dt.timedelta(days=int(DAYS * number()))).date().isoformat(),
            "score": round(number(), 6),
            "model": {"kind": pick(KINDS), "depth": int(20 * number())},
            "tags": self.random.sample(["draft", "final", "weekly", "public", "raw"], 2),
            "run": f"run-{digest[:10]}",
        }
        lineage = {
            "user": f"user{int(40 * number() ** 2)}",
            "host": f"studio-{int(60 * number())}",
            "commit": pick(self.commits),
            "branch": pick(["main", "develop", "feature/churn"]),
            "notebook": f"notebooks/analysis_{int(200 * number())}.ipynb",
            "experiment": f"experiment-{int(50 * number())}",
            "trial": f"trial-{int(3000 * number())}",
            "image": "sha256:" + "ab" * 32,
            "packages": "sha256:" + "cd" * 32,
            "python": "3.11.7",
        }
        facts = {"rows": metadata["rows"], "columns": int(40 * number())}
        state = {"dtypes": ["int64", "float64", "string"]}
        size = int(1e8 * number())
        return Record(
            name, digest[10:42], "csv", "pandas.DataFrame", size, f"sha256:{digest}", when,
            metadata, lineage, facts, state,
        )  # fmt: skip

    def states(self, records: int) -> Iterator[NameState]:
        """Yield what a listing would tell, name by name."""
        for number in range(records // VERSIONS):
            word = self.words[number % len(self.words)]
            name = f"data/{SUBJECTS[number % 8]}/{word}_{number:06}.csv"
            times = sorted(self.random.random() for _ in range(VERSIONS))
            versions = [
                self.record(name, version, START + dt.timedelta(days=DAYS * moment))
                for version, moment in enumerate(times)
            ]
            yield NameState(name, [record.version for record in versions], False, versions)

    def misspelled(self, word: str) -> str:
        """Return ``word`` with one letter missing, doubled or swapped."""
        place = self.random.randrange(1, len(word) - 1)
        change = self.random.choice(["drop", "swap", "double"])
        if change == "drop":
            return word[:place] + word[place + 1 :]
        if change == "double":
            return word[:place] + word[place] + word[place:]
        return word[:place] + word[place + 1] + word[place] + word[place + 2 :]


def questions(world: World, some: list[Record]) -> dict[str, Callable[[], Query]]:
    """Return, for each kind of query, what makes a random one."""
    pick, number = world.random.choice, world.random.random

    def exact() -> dict[str, object]:
        record = pick(some)
        return pick(
            [
                {"run": record.metadata["run"]},
                {"title": record.metadata["title"]},
                {"@commit": record.lineage["commit"][:8]},
                {"@user": record.lineage["user"]},
                {"origin": "youtube"},
                {"model.kind": record.metadata["model"]["kind"]},
                {"tags": pick(record.metadata["tags"])},
                {"name": record.name},
            ]
        )

    def span() -> dict[str, object]:
        share = 10 ** -(number() * 6)  # from one in a million to all
        share = min(share, 0.5)
        low = number() * (1 - share)
        return pick(
            [
                {"score": between(low, low + share)},
                {"rows": at_least(int(10 ** (1 + 6 * (1 - share))))},
                {"size": less_than(int(1e8 * share))},
                {"day": at_least(START.date() + dt.timedelta(days=int(DAYS * (1 - share))))},
                {"@created": at_least(START + dt.timedelta(days=DAYS * (1 - share)))},
            ]
        )

    def text() -> str:
        title = pick(some).metadata["title"].split()
        return pick(["youtube channels", "video", title[0], f"{title[0]} {title[1]}", f"weekly {title[2]}"])

    def typos() -> str:
        words = [word for word in pick(some).metadata["title"].split() if len(word) > 4] or ["youtube"]
        return pick(
            ["yotube chanel", world.misspelled(pick(words)), f"subscibers {world.misspelled(pick(words))}"]
        )

    def rare() -> Query:
        record = pick(some)
        low = int(record.metadata["rows"])
        return query(
            {"origin": "youtube", "tags": "draft", "rows": between(low, low), "score": at_least(0.5)}
        )

    return {
        "exact": lambda: query(exact()),
        "range": lambda: query(span()),
        "text": lambda: query(text=text()),
        "exact + range": lambda: query({**exact(), **span()}),
        "exact + text": lambda: query(exact(), text=text()),
        "range + text": lambda: query(span(), text=text()),
        "exact + range + text": lambda: query({**exact(), **span()}, text=text()),
        "misspelled text": lambda: query(text=typos()),
        "glob": lambda: query(pick([{"title": pick(world.words)[:4] + "*"}, {"name": "data/channels/b*"}])),
        "any of, not": lambda: query({"origin": any_of("vimeo", "radio"), "tags": not_("draft"), **span()}),
        "half and half, few in both": rare,
        "latest of each name": lambda: query(exact(), latest=True),
        "sorted": lambda: query(exact(), sort=pick(["-rows", "score", "name"])),
        "page 50": lambda: query(exact(), limit=100, offset=5000),
    }


#: The kinds that the target speaks of: p50 at most 10 ms, p95 at most 50 ms.
TARGET = [
    "exact", "range", "text", "exact + range", "exact + text", "range + text", "exact + range + text",
]  # fmt: skip


def milliseconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def build(path: Path, records: int) -> tuple[World, list[Record], dict[str, float]]:
    """Fill a new index; return some of the records, and what it took."""
    world, some, index, spent = World(), [], SqliteIndex(path), 0.0
    states = world.states(records)
    while batch := list(itertools.islice(states, 1000)):
        spent += milliseconds(lambda batch=batch: index.update(batch)) / 1000
        some += [
            world.random.choice(state.records) for state in batch if world.random.random() < 2e4 / records
        ]
    spent += milliseconds(lambda: index.find(query(limit=1))) / 1000
    index.close()
    size = sum(part.stat().st_size for part in path.parent.glob(path.name + "*"))
    figures = {"load_seconds": spent, "load_us_per_record": spent / records * 1e6, "megabytes": size / 1e6}
    return world, some, figures


def ask(path: Path, world: World, some: list[Record], each: int) -> dict[str, float]:
    """Time queries of every kind, warm, in random order; and the very first one of a new process."""
    index, figures = SqliteIndex(path), {}
    figures["first_search_ms"] = milliseconds(lambda: index.find(query({"origin": "youtube"})))
    figures["first_misspelled_ms"] = milliseconds(lambda: index.find(query(text="yotube chanel")))
    kinds = questions(world, some)
    asked = [(kind, make()) for kind, make in kinds.items() for _ in range(each)]
    world.random.shuffle(asked)
    times: dict[str, list[float]] = {kind: [] for kind in kinds}
    slowest: dict[str, tuple[float, str]] = {}
    for kind, wanted in asked:
        spent = milliseconds(lambda wanted=wanted: index.find(wanted))
        times[kind].append(spent)
        slowest[kind] = max(slowest.get(kind, (0.0, "")), (spent, str(wanted)))
    target = [spent for kind in TARGET for spent in times[kind]]
    for kind, spent in [("target", target), *times.items()]:
        figures[f"{kind} p50_ms"] = statistics.median(spent)
        figures[f"{kind} p95_ms"] = statistics.quantiles(spent, n=20)[-1]
        figures[f"{kind} max_ms"] = max(spent)
    for kind, (_, line) in slowest.items():
        print(f"slowest {kind}: {line}")
    appended = [
        world.record(f"new/{number}.json", 0, START + dt.timedelta(days=DAYS)) for number in range(500)
    ]
    spent = [milliseconds(lambda record=record: index.append(record)) for record in appended]
    figures["append_ms"], figures["append_p99_ms"] = statistics.median(spent), sorted(spent)[-5]
    known = [(record.name, record.version) for record in some[:1000]]
    figures["unknown_1000_ms"] = milliseconds(lambda: index.unknown(known))
    index.close()
    return figures


def measure(records: int, each: int = 40, folder: Path | None = None) -> dict[str, float]:
    """Return all figures for an index of so many records; times in milliseconds unless named otherwise."""
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        path = Path(temporary) / "index.sqlite"
        world, some, figures = build(path, records)
        return figures | ask(path, world, some, each)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--each", type=int, default=40, help="queries of each kind")
    parser.add_argument("--folder", type=Path, help="where to build the index (a temporary folder)")
    options = parser.parse_args()
    figures = measure(options.records, options.each, options.folder)
    print(f"{'kind':32}{'p50 ms':>10}{'p95 ms':>10}{'max ms':>10}")
    for kind in [name.removesuffix(" p50_ms") for name in figures if name.endswith(" p50_ms")]:
        print(
            f"{kind:32}" + "".join(f"{figures[f'{kind} {what}_ms']:10.2f}" for what in ("p50", "p95", "max"))
        )
    for name, figure in figures.items():
        if " " not in name:
            print(f"{name:32}{figure:10.2f}")


if __name__ == "__main__":
    main()
