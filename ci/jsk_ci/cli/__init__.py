"""The ``jsk-ci`` command: every step of a pipeline, by hand. Its exit codes are those of ``jsk``."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command; the entry point of ``jsk-ci``."""
    from jsk_ci.cli.app import app

    sys.exit(app(prog_name="jsk-ci"))
