"""Kernel images from locked dependencies: known by a fingerprint, built when (and only when) it is new.

One module a step, in the order of a pipeline: ``fingerprint``, ``plan``, ``build``, ``smoke``, ``sbom``,
``scan``, ``push``, ``publish``, ``attach``, and for later ``rollback``, ``promote`` and ``gc``. Each is a
command of ``jsk-ci``, to be run by hand or by a GitLab pipeline. ``docs/kernels.md`` tells how they work
together.
"""
