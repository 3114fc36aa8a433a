"""Measurements of the kit against its peers, alternately and in one run: ``python bench/run.py``."""
