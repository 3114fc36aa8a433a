"""Counting requests where they leave, inside botocore: nothing is in the way of the timing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def counted(client: Any) -> Iterator[list[str]]:
    """Yield a list that grows by ``"GetObject"`` (and so on) with every request sent, retries included."""
    sent: list[str] = []

    def count(event_name: str, **_: Any) -> None:
        sent.append(event_name.rpartition(".")[2])

    client.meta.events.register("before-send.s3", count)
    try:
        yield sent
    finally:
        client.meta.events.unregister("before-send.s3", count)
