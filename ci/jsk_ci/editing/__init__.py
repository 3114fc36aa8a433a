"""Change the environment of a project from within a notebook: ``%kernel add``, ``remove``, ``status``.

Poetry works on a copy of ``pyproject.toml`` and ``poetry.lock`` (``staging``), what the lock then says is
installed into the running kernel (``environment``), and only when all went well do both files take the
place of the old ones (``changes``).
"""
