"""One process that saves or loads once, and says how much memory that took: run by :mod:`bench.memory`.

``python -m bench.memory_probe put|get|put-file|get-file STORE HOME NAME FILE`` prints JSON.
"""

from __future__ import annotations

import ctypes
import gc
import json
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.own_memory import status

WARM_ROWS = 1_000


def main() -> None:
    what, store, home, name, file = sys.argv[1:]
    actions: dict[str, Callable[..., dict[str, Any]]] = {
        "put": put, "get": get, "put-file": put_file, "get-file": get_file,
        "put-bare": put_bare, "get-bare": get_bare,
    }  # fmt: skip
    print(json.dumps(actions[what](_saver(store, home), name, Path(file))))


def put(saver: Any, name: str, file: Path) -> dict[str, Any]:
    """Save the pickled table in ``file``."""
    frame = pickle.loads(file.read_bytes())
    saver.put(f"warm-{name}", frame.head(WARM_ROWS))
    return _extra(lambda: saver.put(name, frame), lambda _: 0)


def get(saver: Any, name: str, _: Path) -> dict[str, Any]:
    """Load the table."""
    from bench.frame import arrow_size

    saver.get(f"warm-{name}")
    return _extra(lambda: saver.get(name), arrow_size)


def put_bare(saver: Any, name: str, file: Path) -> dict[str, Any]:
    """Save with bare pyarrow and boto3."""
    from bench.tables import parquet_settings

    frame = pickle.loads(file.read_bytes())
    bare = _bare(saver, parquet_settings(frame))
    bare.put_parquet(f"warm-{name}", frame.head(WARM_ROWS))
    return _extra(lambda: bare.put_parquet(name, frame), lambda _: 0)


def get_bare(saver: Any, name: str, _: Path) -> dict[str, Any]:
    """Load with bare pyarrow and boto3."""
    from bench.frame import arrow_size

    bare = _bare(saver, {})
    bare.get_parquet(f"warm-{name}")
    return _extra(lambda: bare.get_parquet(name), arrow_size)


def put_file(saver: Any, name: str, file: Path) -> dict[str, Any]:
    """Save a file on disk."""
    saver.put(name, file)
    return {"peak": status("VmHWM")}


def get_file(saver: Any, name: str, file: Path) -> dict[str, Any]:
    """Load into a file."""
    saver.get(name, to=file)
    return {"peak": status("VmHWM")}


# Helpers ----------------------------------------------------------------------------------------------


def _saver(store: str, home: str) -> Any:
    from jsk_saver import Saver

    return Saver(store, home=Path(home), cache=False, progress=False)


def _bare(saver: Any, parquet: dict[str, Any]) -> Any:
    from types import SimpleNamespace

    from bench.context import like_ours
    from bench.peers import Bare
    from bench.server import Bucket

    bucket = Bucket(saver.store.bucket, saver.settings.endpoint_url)
    client = bucket.client(**like_ours(saver.settings))
    return Bare(SimpleNamespace(name=bucket.name), client, parquet)  # type: ignore[arg-type]


def _extra(call: Callable[[], Any], size: Callable[[Any], int]) -> dict[str, Any]:
    """Return the most memory that ``call`` took beyond what was there before and what it returned."""
    _let_go()
    before = status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew (Linux, proc(5))
    result = call()
    peak = status("VmHWM")
    returned = size(result)
    return {"before": before, "peak": peak, "returned": returned, "beyond": peak - before - returned}


def _let_go() -> None:
    """Give memory that is only kept for later back, so that the call cannot hide in it."""
    gc.collect()
    if "pyarrow" in sys.modules:
        sys.modules["pyarrow"].default_memory_pool().release_unused()
    ctypes.CDLL(None).malloc_trim(0)


if __name__ == "__main__":
    main()
