"""``python -m jsk_saver.cli`` is ``jsk``, where scripts are not on the path."""

from __future__ import annotations

from jsk_saver.cli import main

if __name__ == "__main__":
    main()
