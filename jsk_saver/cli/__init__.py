"""The ``jsk`` command: everything a saver does, from a terminal or a script.

What it exits with is told by ``jsk --help``; besides, it is 141 where nobody reads the output any more
(``jsk search | head``).
"""

from __future__ import annotations

import sys

from jsk_saver.terminal import BROKEN_PIPE, INTERRUPTED, forget_output


def main() -> None:
    """Run the command; the entry point of ``jsk``."""
    sys.exit(_run())


def _run() -> int:
    try:
        from jsk_saver.cli.app import app
        from jsk_saver.cli.failures import prepare, tell_unexpected

        prepare()
        try:
            app(prog_name="jsk")
            code = 0
        except SystemExit as done:
            code = done.code if isinstance(done.code, int) else int(done.code is not None)
        except Exception as error:
            code = tell_unexpected(error)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        forget_output()
        return BROKEN_PIPE
    return code
