"""Stores: where versioned bytes live. :func:`open_store` turns an address into one."""

from __future__ import annotations

from jsk_saver.settings import Settings
from jsk_saver.stores.base import Entry, Problem, Progress, Store, stamp, without_login

__all__ = ["Entry", "Problem", "Progress", "Store", "open_store", "stamp", "without_login"]


def open_store(uri: str, settings: Settings) -> Store:
    """Return the store at ``uri``: ``s3://bucket/prefix``, or a folder.

    Nothing is asked or made yet: the first call of a method does that.
    """
    if uri.startswith("s3://"):
        from jsk_saver.stores.s3 import S3Store

        return S3Store(uri, settings)
    from jsk_saver.stores.local import LocalStore

    return LocalStore(uri)
