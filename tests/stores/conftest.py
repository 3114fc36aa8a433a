"""``store``: the same empty store, once in a folder, once in a real bucket, once in AWS in miniature."""

from __future__ import annotations

from tests.stores.places import make_saver, place, store

__all__ = ["make_saver", "place", "store"]
