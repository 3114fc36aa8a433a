"""Finding versions by what they are: one query language, and an embedded index that answers it.

The index itself is in :mod:`jsk_saver.index.sqlite`, imported when it is needed.
"""

from jsk_saver.index.base import Index, NameState
from jsk_saver.index.conditions import Condition, matches
from jsk_saver.index.patterns import (
    absent,
    any_of,
    at_least,
    at_most,
    between,
    exactly,
    less_than,
    more_than,
    not_,
    present,
)
from jsk_saver.index.query import Query, parse_line, query

__all__ = [
    "Condition",
    "Index",
    "NameState",
    "Query",
    "absent",
    "any_of",
    "at_least",
    "at_most",
    "between",
    "exactly",
    "less_than",
    "matches",
    "more_than",
    "not_",
    "parse_line",
    "present",
    "query",
]
