"""A table in a notebook that follows trials while they run, and keeps their final state.

``following`` keeps one table for each cell, and its thread; ``rows`` reads what is known of a trial from its
journal; ``table`` makes HTML and text of rows; ``sparkline`` draws a curve as small as a word.
"""

from jsk_saver.tracking.live.following import follow

__all__ = ["follow"]
