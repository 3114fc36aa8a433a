"""The journal: what trials did, event by event, in files on this machine that only ever grow.

Nothing here knows a server. Everything else (tables, plots, sinks) reads what is written here.
"""
