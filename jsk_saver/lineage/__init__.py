"""Lineage: who, when, which commit, notebook, kernel image, trial, and which versions were read.

:func:`collect` finds all of it out by itself, from caches, in microseconds;
:class:`jsk_saver.lineage.graph.LineageGraph` draws how versions descend from each other.
"""

from __future__ import annotations

from jsk_saver.lineage import reads
from jsk_saver.lineage.binding import bind
from jsk_saver.lineage.carry import carried
from jsk_saver.lineage.collect import as_parent, collect
from jsk_saver.lineage.environment import packages
from jsk_saver.lineage.reads import Read, step

__all__ = ["Read", "as_parent", "bind", "carried", "collect", "packages", "reads", "step"]
