"""The ``jsk`` command: everything a saver does, from a terminal or a script.

It exits with

====  ==================================================================================
0     all went well
1     it failed, or ``diff --exit-code`` found a difference, or ``doctor`` a problem
2     wrong usage: an option, a name, a setting or a search that means nothing
3     not found: no such name or version, or a search that matches nothing
4     damaged: bytes are not those that were saved
5     refused: it would overwrite, remove, or run code, and was not told to
6     the store refused, failed or did not answer
130   interrupted (Ctrl-C)
141   nobody read the output any more (``jsk search | head``)
====  ==================================================================================
"""

from __future__ import annotations

import sys

#: What a shell makes of a process that was ended by SIGINT, and by SIGPIPE.
INTERRUPTED, BROKEN_PIPE = 130, 141


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
        _forget_output()
        return BROKEN_PIPE
    return code


def _forget_output() -> None:
    """Let what is still buffered go nowhere, so that the interpreter does not complain at its end."""
    import os

    with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - a device
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
