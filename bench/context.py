"""What every measurement is given."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from bench.server import Bucket
    from jsk_saver import Saver


@dataclass
class Context:
    """Where to measure, and how much.

    Parameters
    ----------
    bucket
        A versioned bucket.
    folder
        A temporary folder on this machine's disk.
    quick
        A tenth of everything: to see whether it runs, not how fast.
    endpoint
        The S3 server that was asked for; empty where one was started.
    """

    bucket: Bucket
    folder: Path
    quick: bool = False
    endpoint: str = ""

    def scaled(self, number: int, least: int = 1) -> int:
        """Return ``number``, or a tenth of it when in a hurry."""
        return max(least, number // 10) if self.quick else number

    def rounds(self, number: int) -> int:
        """Return how many rounds to measure; three when in a hurry."""
        return min(3, number) if self.quick else number

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The table, made once."""
        from bench.frame import ROWS, make_frame

        return make_frame(self.scaled(ROWS))

    def saver(self, name: str, *, cache: bool = False) -> Saver:
        """Return a saver of a prefix of its own, with a home folder of its own; no bar on the screen."""
        from jsk_saver import Saver

        store = f"s3://{self.bucket.name}/{name}"
        return Saver(store, home=self.folder / f"home-{name}", cache=cache, progress=False)

    def local_saver(self, name: str) -> Saver:
        """Return a saver of a folder."""
        from jsk_saver import Saver

        return Saver(self.folder / name, home=self.folder / f"home-{name}", progress=False)


def like_ours(settings: Any) -> dict[str, Any]:
    """Return the botocore configuration of the kit's client, for a bare client that has it no harder."""
    return {
        "retries": {"total_max_attempts": settings.retries, "mode": "standard"},
        "max_pool_connections": settings.connections,
        "request_checksum_calculation": "when_required",
        "response_checksum_validation": "when_required",
        "tcp_keepalive": True,
        "s3": {"payload_signing_enabled": False, "addressing_style": "path"},
    }
