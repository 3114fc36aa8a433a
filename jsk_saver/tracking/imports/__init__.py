"""Trials of elsewhere, as read-only copies in this journal: one module for each source."""
