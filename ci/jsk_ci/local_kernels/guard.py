"""The first process of a kernel's container: starts the kernel, and ends it when nobody holds the other end.

It runs in the image's Python, as text given to ``python -c``, and so imports nothing of the kit. Its input
comes from the launcher through the engine. Whatever ends the launcher, be it ``kill -9``, ends that input,
and so the kernel and the container. Being the first process, it also takes up what the kernel's children
leave.
"""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading


def main() -> int:
    """Run the kernel whose kernelspec and connection file are named, and return its exit code."""
    specification, connection_file = sys.argv[1:3]
    told = json.loads(pathlib.Path(specification).read_text(encoding="utf-8"))
    command = [part.replace("{connection_file}", connection_file) for part in told["argv"]]
    kernel = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # an interrupt reaches the kernel's own children, and not this process
        env={**os.environ, **told.get("env", {})},
    )

    def end(*_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(kernel.pid, signal.SIGKILL)

    def watch() -> None:
        while os.read(0, 1024):
            pass
        end()

    signal.signal(signal.SIGTERM, end)
    threading.Thread(target=watch, daemon=True).start()
    while True:
        process, status = os.wait()
        if process == kernel.pid:
            return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    code = main()
    os._exit(code if code >= 0 else 128 - code)
